import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { TspackError } from "../../errors.ts";

/**
 * Makes sure that what buildpacks left in the layers directory can be read from outside of
 * the sandbox: everything that our own phases open by name is a regular file in regular
 * directories. A link there would make us, who can read more, read for the buildpack.
 * Contents of layers are not looked at: they are packed without following links.
 * Throws `BUILD_FAILED`, naming the entry.
 */
export async function refuseTraps(layersDir: string): Promise<void> {
  for (const name of await readdir(layersDir)) {
    const path = join(layersDir, name);
    const info = await lstat(path);
    if (info.isDirectory()) await checkBuildpackDirectory(path, `${name}/`, readWhole.includes(name));
    else if (!info.isFile()) throw trap(name);
  }
}

/** Bills of materials, metadata, Dockerfiles. */
const readWhole = ["sbom", "config", "generated"];

/** `deep`: directories whose whole content is read by us. */
async function checkBuildpackDirectory(directory: string, shown: string, deep: boolean): Promise<void> {
  for (const name of await readdir(directory)) {
    const info = await lstat(join(directory, name));
    if (deep && info.isDirectory()) await checkBuildpackDirectory(join(directory, name), `${shown}${name}/`, true);
    else if (!info.isFile() && (deep || isReadByName(name))) throw trap(shown + name);
  }
}

function isReadByName(name: string): boolean {
  return name.endsWith(".toml") || /\.sbom\.[a-z]+\.json$/.test(name);
}

function trap(path: string): TspackError {
  return new TspackError("BUILD_FAILED", `${path} in the layers directory is not a regular file`, {
    hint: "a buildpack made it; remove that buildpack from the order, or report it to its authors",
  });
}
