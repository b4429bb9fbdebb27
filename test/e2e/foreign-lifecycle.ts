import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { referenceLifecycle } from "./interchange/implementations.ts";

const phases = ["analyzer", "builder", "creator", "detector", "exporter", "extender", "rebaser", "restorer"];

const descriptor = `[lifecycle]
version = "0.21.17"
[apis.buildpack]
deprecated = []
supported = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12"]
[apis.platform]
deprecated = []
supported = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12", "0.13", "0.14", "0.15"]
`;

/** The reference lifecycle in the form in which it is published: an archive of one folder and what it speaks. */
export function referenceArchive(directory: string): string {
  const { command, launcher } = referenceLifecycle();
  const [program = ""] = command;
  const folder = join(directory, "lifecycle");
  mkdirSync(folder, { recursive: true });
  cpSync(program, join(folder, "lifecycle"));
  cpSync(launcher, join(folder, "launcher"));
  for (const phase of phases) symlinkSync("lifecycle", join(folder, phase));
  for (const format of ["cdx", "spdx", "syft"]) writeFileSync(join(folder, `launcher.sbom.${format}.json`), "{}");
  writeFileSync(join(directory, "lifecycle.toml"), descriptor);
  const archive = join(dirname(directory), "lifecycle.tgz");
  execFileSync("tar", ["-czf", archive, "-C", directory, "lifecycle.toml", "lifecycle"]);
  return archive;
}
