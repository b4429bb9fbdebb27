import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "./compete.ts";
import { type Bench, ours } from "./scenario.ts";

/** Detection of one group of so many optional buildpacks, of which the last passes; they do nothing else. */
export function detection(bench: Bench, name: string, count: number): Contestant {
  const at = (path: string): string => join(bench.directory, `detect-${count}`, path);
  for (const folder of ["app", "layers", "platform/env"]) mkdirSync(at(folder), { recursive: true });
  const ids = Array.from({ length: count }, (_, index) => `bench/number-${index}`);
  for (const [index, id] of ids.entries())
    writeBuildpack(at(`buildpacks/${id.replace("/", "_")}/1`), id, index === count - 1 ? 0 : 100);
  const group = ids.map((id) => `[[order.group]]\nid = "${id}"\nversion = "1"\noptional = true\n`);
  writeFileSync(at("order.toml"), `[[order]]\n${group.join("")}`);
  writeFileSync(at("layers/analyzed.toml"), '[run-image.target]\nos = "linux"\narch = "amd64"\n');
  const paths = ["app", "layers", "platform", "buildpacks"].flatMap((folder) => [`-${folder}`, at(folder)]);
  // Detection refuses to run as root.
  const asUser = process.getuid?.() === 0 ? ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"] : [];
  for (const path of [bench.directory, at("layers")]) chmodSync(path, 0o777);
  return {
    name,
    command: [...asUser, ...ours(bench, "lifecycle", "detect", ...paths, "-order", at("order.toml"))],
    env: { CNB_PLATFORM_API: "0.12" },
  };
}

function writeBuildpack(directory: string, id: string, code: number): void {
  mkdirSync(join(directory, "bin"), { recursive: true });
  writeFileSync(join(directory, "bin/detect"), `#!/bin/sh\nexit ${code}\n`, { mode: 0o755 });
  writeFileSync(join(directory, "bin/build"), "#!/bin/sh\n", { mode: 0o755 });
  const definition = `api = "0.10"\n[buildpack]\nid = "${id}"\nversion = "1"\n[[targets]]\n`;
  writeFileSync(join(directory, "buildpack.toml"), definition);
}
