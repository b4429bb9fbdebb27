import { rmSync } from "node:fs";
import { join } from "node:path";
import { type BenchBuild, benchEnv, empty } from "./bench-build.ts";
import { quietly, touchApp, touchLayer } from "./changes.ts";
import type { Contestant } from "./compete.ts";
import { megabytes } from "./table.ts";
import { layerBytes } from "./workloads.ts";

/** Exports without a cache: there is no place for fingerprints, so that what did not change is read. */
export function plainExports(build: BenchBuild, host: string): readonly Contestant[] {
  const kept = `${host}/bench/kept`;
  const again = (name: string, change: (build: BenchBuild) => void): Contestant => ({
    name,
    env: benchEnv,
    command: build.export(kept),
    prepare: async () => {
      await quietly(build.analyze(kept));
      await quietly(build.export(kept));
      await quietly(build.analyze(kept));
      change(build);
    },
  });
  return [
    firstExport(build, host),
    again("export, nothing changed", () => {}),
    again("export, one application file changed", touchApp),
    again("export, one file of a layer changed", touchLayer),
    zstdExport(build, host),
  ];
}

/** An export of an image that is new, with layers that no registry has. */
export function firstExport(build: BenchBuild, host: string): Contestant {
  let round = 0;
  const fresh = (): string => `${host}/bench/first-${round}`;
  return {
    name: "export, first",
    env: benchEnv,
    get command() {
      return build.export(fresh());
    },
    prepare: async () => {
      round++;
      touchLayer(build);
      touchApp(build);
      rmSync(join(build.layers, "analyzed.toml"), { force: true });
      await quietly(build.analyze(fresh()));
    },
    remark: async () =>
      `${build.tree.files} files, ${megabytes(build.tree.bytes)}; image ${megabytes(await layerBytes(fresh()))}`,
  };
}

function zstdExport(build: BenchBuild, host: string): Contestant {
  const image = `${host}/bench/zstd`;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const hasZstd = major > 23 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15);
  return {
    name: "export, zstd, first",
    env: benchEnv,
    command: build.export(image, "-compression", "zstd"),
    missing: hasZstd ? undefined : `Node ${process.versions.node} has no zstd (22.15 has)`,
    prepare: async () => {
      touchLayer(build);
      await quietly(build.analyze(image));
    },
    remark: async () => `image ${megabytes(await layerBytes(image))}`,
  };
}

/** Exports with fingerprints and no cache: the layers of the image before are not read again. */
export function exportsWithFingerprints(build: BenchBuild, host: string): readonly Contestant[] {
  const image = `${host}/bench/with-fingerprints`;
  const command = build.export(image, "-fingerprints", build.fingerprints);
  const again = (name: string, change: (build: BenchBuild) => void): Contestant => ({
    name,
    env: benchEnv,
    command,
    prepare: async () => {
      await quietly(build.analyze(image));
      await quietly(command);
      await quietly(build.analyze(image));
      change(build);
    },
  });
  return [
    again("export, fingerprints, nothing changed", () => {}),
    again("export, fingerprints, one application file changed", touchApp),
  ];
}

/** Exports with a cache directory, which also has the fingerprints. */
export function exportsWithCacheDirectory(build: BenchBuild, host: string): readonly Contestant[] {
  const { cacheDir } = build;
  const image = `${host}/bench/with-directory`;
  const exported = { env: benchEnv, command: build.export(image, "-cache-dir", cacheDir) };
  const again = (name: string, change: (build: BenchBuild) => void): Contestant => ({
    ...exported,
    name,
    prepare: async () => {
      await quietly(build.analyze(image));
      await quietly(exported.command);
      await quietly(build.analyze(image));
      change(build);
    },
  });
  return [
    {
      ...exported,
      name: "export, cache directory, first",
      prepare: async () => {
        empty(cacheDir);
        touchLayer(build);
        await quietly(build.analyze(image));
      },
    },
    again("export, cache directory, nothing changed", () => {}),
    again("export, cache directory, one application file changed", touchApp),
    again("export, cache directory, one file of a layer changed", touchLayer),
  ];
}

/** Exports with a cache image: first, and with what that one left. */
export function exportsWithCacheImage(build: BenchBuild, host: string): readonly Contestant[] {
  let round = 0;
  const image = (): string => `${host}/bench/with-image-${round}`;
  const flags = (): readonly string[] => ["-cache-image", `${host}/bench/cache-${round}`];
  const prepared = async (): Promise<void> => quietly(build.analyze(image(), ...flags()));
  const again = (name: string, ...more: readonly string[]): Contestant => ({
    name,
    env: benchEnv,
    get command() {
      return build.export(image(), ...flags(), ...more);
    },
    prepare: async () => {
      await prepared();
      await quietly(build.export(image(), ...flags(), ...more));
      await prepared();
    },
  });
  return [
    {
      name: "export, cache image, first",
      env: benchEnv,
      get command() {
        return build.export(image(), ...flags());
      },
      prepare: async () => {
        round++;
        touchLayer(build);
        await prepared();
      },
    },
    again("export, cache image, nothing changed"),
    again("export, cache image and fingerprints, nothing changed", "-fingerprints", build.fingerprints),
  ];
}
