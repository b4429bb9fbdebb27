import { decodeToml, type TableReader } from "../../decode.ts";
import type { TomlDocument } from "../../toml.ts";
import type { GroupElement } from "./group.ts";

/** `system.toml`: buildpacks that the operator puts before and after every group. Platform API 0.15. */
export interface SystemToml {
  readonly pre: readonly GroupElement[];
  readonly post: readonly GroupElement[];
}

/** Reads `system.toml`. Throws `INVALID_ORDER`. */
export function decodeSystem(document: TomlDocument): SystemToml {
  return decodeToml(document, { code: "INVALID_ORDER" }, (root) => {
    const system = root.subTable("system");
    return { pre: readBuildpacks(system.subTable("pre")), post: readBuildpacks(system.subTable("post")) };
  });
}

function readBuildpacks(reader: TableReader): readonly GroupElement[] {
  return reader.tables("buildpacks").map((buildpack) => ({
    id: buildpack.requiredString("id"),
    version: buildpack.string("version") ?? "",
    ...(buildpack.boolean("optional") === true ? { optional: true } : {}),
  }));
}
