import type { Bars } from "./bars.ts";
import { limitNames } from "./limits.ts";

const seconds = (most: number) => ({ kind: "seconds", most }) as const;
const megabytesSent = (most: number) => ({ kind: "sentBytes", most: most * 1e6 }) as const;

const memory = { kind: "memory" } as const;

const emptyScript = ["an empty Node script"];

/** What a large layer, and each other workload, should take on two cores of its own; by scenario and contestant. */
export const knownBars: Readonly<Record<string, Bars>> = {
  start: {
    "launcher -- /bin/true": [{ kind: "added", most: 0.0005, to: "/bin/true" }],
    "launcher -- /bin/true, env and exec.d": [{ kind: "added", most: 0.0015, to: "/bin/true" }],
    "sandbox (bubblewrap), /bin/true": [seconds(0.03)],
    "tspack inspect --json": [{ kind: "times", most: 2, of: emptyScript }],
  },
  detect: { "lifecycle detect, 30 buildpacks": [seconds(0.1)] },
  w1: {
    "export, first": [seconds(3.2)],
    "export, one file of a layer changed": [seconds(3.2)],
    "export, nothing changed": [seconds(0.35)],
    "export, fingerprints, nothing changed": [seconds(0.35)],
    "export, fingerprints, one application file changed": [seconds(0.6), megabytesSent(1)],
    "export, cache directory, nothing changed": [seconds(0.5)],
    "export, cache image, first": [seconds(3.5), megabytesSent(132)],
    "export, cache image, nothing changed": [seconds(0.6)],
    "export, cache image and fingerprints, nothing changed": [seconds(0.6)],
    "creator, first": [seconds(4.5)],
    "creator, nothing changed, layers kept": [seconds(0.8)],
    "creator, one application file changed, layers kept": [seconds(1.1)],
    "creator, nothing changed, no layers": [seconds(2.2)],
    "restore, cache directory, in place": [seconds(0.3)],
    "restore, cache directory": [seconds(1.2)],
    "restore, cache image": [seconds(2.2)],
  },
  w2: { "export, first": [seconds(14)], "export, fingerprints, nothing changed": [seconds(0.4)] },
  w3: {
    "export, first": [seconds(0.25)],
    "export, nothing changed": [seconds(0.15)],
    "creator, first": [seconds(0.35)],
    "creator, nothing changed, layers kept": [seconds(0.25)],
  },
  w5: { "export, first": [seconds(1)], "export, nothing changed": [seconds(0.35)] },
  large: {
    "10 GiB: export, first": [memory],
    "100,000 files: export, first": [memory],
    "100,000 files: export, fingerprints, nothing changed": [memory],
  },
  engine: {
    "export to the engine, first": [seconds(6)],
    "export to the engine, fingerprints, nothing changed": [seconds(0.6)],
  },
  rebase: {
    "lifecycle rebase": [seconds(0.16), { kind: "requests", most: 12 }],
  },
  rebases: { "tspack rebase --publish, 100 images": [seconds(2.5)] },
  build: { "tspack build, node-hello": [seconds(1.2)], "tspack build, node-express": [seconds(1.5)] },
  peers: {
    "export, first": [
      { kind: "times", most: 1.3, of: [limitNames.reading, limitNames.hashing, limitNames.pigz] },
      { kind: "faster", least: 2.5, than: "umoci insert, skopeo copy, first" },
      { kind: "faster", least: 8, than: "buildah build, push (overlay), first" },
    ],
    "export, fingerprints, nothing changed": [
      { kind: "faster", least: 20, than: "buildah build, push (overlay), nothing changed" },
    ],
  },
};
