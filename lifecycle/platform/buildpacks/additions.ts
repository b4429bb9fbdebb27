import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeOrder } from "../../cnb/files/group.ts";
import { privateDirectory } from "../places.ts";
import type { BuilderChanges } from "./builder-changes.ts";
import { moduleFolder } from "./module.ts";

/** A file or directory of this machine that stands at a path of the builder for one build. */
export interface BuilderAddition {
  readonly source: string;
  /** An absolute path in the builder: `/cnb/buildpacks/a_b/1.0`, `/cnb/order.toml`. */
  readonly target: string;
}

/** What runners put into the builder for a build. `directory` is private to the build and gets the files that are made. */
export async function builderAdditions(
  changes: BuilderChanges | undefined,
  directory: string,
): Promise<readonly BuilderAddition[]> {
  if (changes === undefined) return [];
  const { buildpacks, extensions, order, orderExtensions, disableSystem } = changes;
  const file = async (name: string, text: string): Promise<BuilderAddition> => {
    const source = join(await privateDirectory(directory), name);
    await writeFile(source, text, { mode: 0o644 });
    return { source, target: `/cnb/${name}` };
  };
  return [
    ...buildpacks.map(({ id, version, directory: source }) => ({
      source,
      target: moduleFolder("buildpack", id, version),
    })),
    ...extensions.map(({ id, version, directory: source }) => ({
      source,
      target: moduleFolder("extension", id, version),
    })),
    ...(order === undefined
      ? []
      : [await file("order.toml", encodeOrder({ order, orderExtensions: orderExtensions ?? [] }))]),
    ...(disableSystem ? [await file("system.toml", "")] : []),
  ];
}
