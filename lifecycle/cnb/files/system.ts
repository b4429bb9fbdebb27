import { decodeToml, type TableReader } from "../../decode.ts";
import { fields, type TomlDocument, type TomlOutput, writeToml } from "../../toml.ts";
import { elementFields, type GroupElement } from "./group.ts";

/** `system.toml`: buildpacks that the operator puts before and after every group. Platform API 0.15. */
export interface SystemToml {
  readonly pre: readonly GroupElement[];
  readonly post: readonly GroupElement[];
}

/** Reads `system.toml`. Throws `INVALID_ORDER`. */
export function decodeSystem(document: TomlDocument): SystemToml {
  return decodeToml(document, { code: "INVALID_ORDER" }, readSystem);
}

/** Reads `[system]` of `system.toml` or `builder.toml`. */
export function readSystem(root: TableReader): SystemToml {
  const system = root.subTable("system");
  return { pre: readBuildpacks(system.subTable("pre")), post: readBuildpacks(system.subTable("post")) };
}

/** Writes `system.toml`, as a builder carries it. */
export function encodeSystem({ pre, post }: SystemToml): string {
  const part = (list: readonly GroupElement[]): TomlOutput | undefined =>
    list.length === 0 ? undefined : fields({ buildpacks: list.map(elementFields) });
  return writeToml(fields({ system: fields({ pre: part(pre), post: part(post) }) }));
}

function readBuildpacks(reader: TableReader): readonly GroupElement[] {
  return reader.tables("buildpacks").map((buildpack) => ({
    id: buildpack.requiredString("id"),
    version: buildpack.string("version") ?? "",
    ...(buildpack.boolean("optional") === true ? { optional: true } : {}),
  }));
}
