import { existsSync } from "node:fs";
import { decodeToml } from "../decode.ts";
import { readTomlFile } from "../phases/files.ts";

/** A person's settings: `config.toml` in the configuration directory. DESIGN §7. */
export interface Settings {
  /** Root addresses of the Debian archive, as `--mirror` takes them. */
  readonly debianMirror: string | undefined;
}

const known: readonly string[] = ["debian-mirror"];

/** Reads the settings; none without the file. Throws `INVALID_TOML` with every problem, unknown keys among them. */
export function readSettings(path: string): Settings {
  if (!existsSync(path)) return { debianMirror: undefined };
  return decodeToml(readTomlFile(path), { code: "INVALID_TOML", hint: `keys are: ${known.join(", ")}` }, (root) => {
    for (const key of root.keys())
      if (!known.includes(key)) root.issue(key, `one of ${known.join(", ")}`, JSON.stringify(key));
    return { debianMirror: root.string("debian-mirror") };
  });
}
