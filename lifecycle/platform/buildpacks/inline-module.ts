import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fields, writeToml } from "../../toml.ts";
import { privateDirectory } from "../places.ts";
import { removeTree } from "../rootfs.ts";
import { directoryModule } from "./directory-module.ts";
import type { ModulePorts, ModuleSet } from "./module.ts";
import type { BuildpackRequest } from "./request.ts";

/**
 * Makes a buildpack of a script in a project descriptor: it always takes part, and its
 * `bin/build` is the script. Project descriptor, "inline buildpacks". Throws `INVALID_BUILDPACK`.
 */
export async function inlineModule(
  { id, version, api, script, shell }: Extract<BuildpackRequest, { readonly kind: "inline" }>,
  ports: ModulePorts,
): Promise<ModuleSet> {
  const directory = await mkdtemp(join(await privateDirectory(ports.modulesDir), ".inline-"));
  try {
    await mkdir(join(directory, "bin"));
    const descriptor = fields({ api, buildpack: fields({ id, version: version === "" ? "0.0.0" : version }) });
    await writeFile(join(directory, "buildpack.toml"), writeToml(descriptor));
    await writeFile(join(directory, "bin/detect"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    await writeFile(join(directory, "bin/build"), `#!${shell === "" ? "/bin/sh" : shell}\n\n${script}\n`, {
      mode: 0o755,
    });
    const main = await directoryModule(directory, "buildpack", ports.blobs, { signal: ports.ctx.signal });
    return { main, dependencies: [] };
  } finally {
    await removeTree(directory);
  }
}
