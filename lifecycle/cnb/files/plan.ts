import { decodeToml, type TableReader } from "../../decode.ts";
import { fields, type TomlDocument, type TomlFields, type TomlTable, writeToml } from "../../toml.ts";
import { elementFields, type GroupElement, nonEmpty, readElement, someTables } from "./group.ts";

/** What a buildpack asks for. Buildpack specification, build plan. */
export interface Require {
  readonly name: string;
  /** Deprecated top-level version, kept for old buildpacks. */
  readonly version?: string | undefined;
  /** `undefined` when there is none: it is `null` in labels. */
  readonly metadata: TomlTable | undefined;
}

/** What a buildpack offers. */
export interface Provide {
  readonly name: string;
}

/** One alternative of what `bin/detect` wrote. */
export interface PlanSections {
  readonly requires: readonly Require[];
  readonly provides: readonly Provide[];
}

/** What `bin/detect` wrote: the first alternative and those under `or`. */
export interface BuildPlan extends PlanSections {
  readonly or: readonly PlanSections[];
}

/** One entry of `plan.toml`. */
export interface PlanEntry {
  readonly providers: readonly GroupElement[];
  readonly requires: readonly Require[];
}

/** What detection resolved: `plan.toml`. */
export interface Plan {
  readonly entries: readonly PlanEntry[];
}

/** The part of the plan that one buildpack gets at build: its `<plan>` file. */
export interface BuildpackPlan {
  readonly entries: readonly Require[];
}

/** A buildpack that wrote nothing: it asks for nothing and offers nothing. */
export const emptyBuildPlan: BuildPlan = { requires: [], provides: [], or: [] };

/** Reads what `bin/detect` wrote. Throws `INVALID_PLAN`. Buildpack specification, build plan. */
export function decodeBuildPlan(document: TomlDocument): BuildPlan {
  return decodeToml(document, { code: "INVALID_PLAN" }, (root) => ({
    ...readSections(root),
    or: root.tables("or").map(readSections),
  }));
}

/** Reads `plan.toml`. Throws `INVALID_PLAN`. */
export function decodePlan(document: TomlDocument): Plan {
  return decodeToml(document, { code: "INVALID_PLAN" }, (root) => ({
    entries: root.tables("entries").map((entry) => ({
      providers: entry.tables("providers").map(readElement),
      requires: entry.tables("requires").map(readRequire),
    })),
  }));
}

/** Writes `plan.toml`; of a provider only what tells it from others. No entries are a file of no bytes. */
export function encodePlan({ entries }: Plan): string {
  return writeToml(
    fields({
      entries: someTables(
        entries.map(({ providers, requires }) =>
          fields({
            providers: someTables(
              providers.map(({ id, version, extension }) => elementFields({ id, version, extension })),
            ),
            requires: someTables(requires.map(requireFields)),
          }),
        ),
      ),
    }),
  );
}

/** Writes the plan that a buildpack gets. */
export function encodeBuildpackPlan({ entries }: BuildpackPlan): string {
  return writeToml(fields({ entries: someTables(entries.map(requireFields)) }));
}

/** A requirement as plans and the legacy BOM have it. */
export function requireFields({ name, version, metadata }: Require): TomlFields {
  return fields({ name, version: nonEmpty(version), metadata });
}

/** Reads a requirement, or an entry of the legacy BOM, which has the same keys. */
export function readRequire(reader: TableReader): Require {
  const version = reader.string("version");
  return {
    name: reader.requiredString("name"),
    ...(version === undefined ? {} : { version }),
    metadata: reader.freeTable("metadata"),
  };
}

function readSections(reader: TableReader): PlanSections {
  return {
    requires: reader.tables("requires").map(readRequire),
    provides: reader.tables("provides").map((provide) => ({ name: provide.requiredString("name") })),
  };
}
