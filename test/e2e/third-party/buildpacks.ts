import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { buildGoPrograms } from "../go-modules.ts";

const descriptor = (name: string, more: string): string =>
  `api = "0.8"\n[buildpack]\nid = "third-party/${name}"\nname = "Third party's ${name}"\nversion = "1.0.0"\nsbom-formats = ["application/vnd.syft+json"]\n[[buildpack.licenses]]\ntype = "Apache-2.0"\n[[stacks]]\nid = "*"\n${more}`;

/** `buildpack.toml` of the two buildpacks, by their names. */
export const descriptors = {
  settings: descriptor("settings", ""),
  labels: descriptor(
    "labels",
    '[[metadata.configurations]]\nname = "BP_TITLE"\ndefault = "untitled"\ndescription = "a label"\nbuild = true\n',
  ),
} as const;

/** An order of both. */
export const order =
  '[[order]]\n[[order.group]]\nid = "third-party/settings"\nversion = "1.0.0"\n[[order.group]]\nid = "third-party/labels"\nversion = "1.0.0"\n';

/** Their application. */
export const application: Readonly<Record<string, string>> = {
  settings: "text\n",
  "static/style.css": "a {}\n",
};

/** Builds the programs of both with Go, and puts them into `bin` of each directory. */
export function installPrograms(...directories: readonly string[]): void {
  const source = { directory: join(import.meta.dirname, "buildpack") };
  const programs = buildGoPrograms({ source, programs: { main: "cmd/main", helper: "cmd/helper" } });
  for (const directory of directories) {
    const bin = join(directory, "bin");
    mkdirSync(bin, { recursive: true });
    for (const name of ["main", "helper"]) cpSync(join(programs, name), join(bin, name));
    for (const name of ["detect", "build"]) symlinkSync("main", join(bin, name));
  }
}
