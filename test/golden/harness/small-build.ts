import type { Job, ScenarioStep } from "./job.ts";
import type { TreeEntry } from "./tree.ts";

/** A file of the builder's user, or of root below `/cnb`. */
export function file(path: string, text: string, mode = "0644"): TreeEntry {
  const uid = path.startsWith("/cnb/") ? 0 : 1000;
  return { path, type: "file", mode, uid, gid: uid, text };
}

/** A directory of the builder's user. */
export function directory(path: string): TreeEntry {
  return { path, type: "dir", mode: "0755", uid: 1000, gid: 1000 };
}

/** A buildpack at version 1 with the given scripts. */
export function buildpack(id: string, detect: string, build: string, api = "0.10"): readonly TreeEntry[] {
  const root = `/cnb/buildpacks/${id}`;
  return [
    ...[root, `${root}/1`, `${root}/1/bin`].map(directory),
    file(`${root}/1/buildpack.toml`, `api = "${api}"\n[buildpack]\nid = "${id}"\nversion = "1"\n`),
    file(`${root}/1/bin/detect`, `#!/bin/sh\n${detect}\n`, "0755"),
    file(`${root}/1/bin/build`, `#!/bin/sh\nset -eu\n${build}\n`, "0755"),
  ];
}

/** `order.toml` with one group of buildpacks, each at version 1. */
export function order(...ids: readonly string[]): TreeEntry {
  const group = ids.map((id) => `[[order.group]]\nid = "${id}"\nversion = "1"\n`);
  return file("/cnb/order.toml", `[[order]]\n${group.join("")}`);
}

/** One phase that is to end with an exit code; `env` comes on top of the scenario's. */
export function step(
  phase: string,
  args: readonly string[],
  exitCode = 0,
  env: Readonly<Record<string, string>> = {},
): ScenarioStep {
  return { phase, args, exitCode, env };
}

/** A scenario that nobody recorded. */
export interface SmallBuild {
  readonly api?: string;
  readonly layout?: boolean;
  readonly tree?: readonly TreeEntry[];
  readonly steps: readonly ScenarioStep[];
}

const places = ["/workspace", "/layers", "/platform", "/platform/env", "/cache", "/cnb", "/cnb/buildpacks"];

/** The name of the app image that small builds write. */
export const appImage = "registry.localhost/apps/small";

/** The run image that small builds use. */
export const runImage = "registry.localhost/run/base-a:v1";

/** The job of a small build, on the run image `base-a`. */
export function smallBuild({ api = "0.13", layout = false, tree = [], steps }: SmallBuild): Job {
  const env = { CNB_PLATFORM_API: api, CNB_USER_ID: "1000", CNB_GROUP_ID: "1000", CNB_NO_COLOR: "true" };
  return {
    scenario: {
      name: "small",
      description: "",
      runImage: "base-a",
      runImageReference: runImage,
      destination: layout ? "oci-layout" : "registry",
      env: { ...env, HOME: "/home/cnb", PATH: "/usr/bin:/bin" },
      notes: [],
      builds: [{ name: "", image: appImage, steps }],
    },
    tree: [...places.map(directory), ...tree],
    golden: "/golden",
    lifecycle: "/driver/lifecycle.js",
  };
}
