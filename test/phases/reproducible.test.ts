import { chownSync, lutimesSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { platformFeatures } from "../../lifecycle/cnb/api/platform.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { create } from "../../lifecycle/phases/create.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { layoutDirectoryStore } from "../../lifecycle/stores/layout/layout-directory.ts";
import { memoryStore } from "../../lifecycle/stores/memory.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

/** Where, when and as whom somebody builds. */
interface Circumstances {
  readonly day: string;
  /** Of all files; only root can give them away. */
  readonly user: number;
  /** Order in which the files of the application came into being. */
  readonly reversed: boolean;
  readonly zone: string;
}

const features = platformFeatures("0.15");
const isRoot = process.getuid?.() === 0;
const builders: Fixture[] = [];
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  for (const made of builders.splice(0)) made.remove();
});

const noise = "abcdefghij".repeat(40_000);
const application = {
  "main.js": "console.log(1)",
  "static/a.css": "a{}",
  "static/b.css": noise,
  README: "",
  "zz/z": "z",
};

const script = [
  'mkdir -p "$1/tools/bin" "$1/data" "$1/kept"',
  'echo "#!/bin/sh" > "$1/tools/bin/tool"; chmod 755 "$1/tools/bin/tool"; ln -s bin/tool "$1/tools/link"',
  'i=0; while [ $i -lt 40 ]; do echo $i > "$1/data/$i"; i=$((i+1)); done; echo kept > "$1/kept/file"',
  'printf "[types]\\nlaunch = true\\n[metadata]\\nz = 1\\na = 2\\n" > "$1/tools.toml"',
  'printf "[types]\\nlaunch = true\\ncache = true\\n" | tee "$1/data.toml" > "$1/kept.toml"',
  'echo "{}" | tee "$1/tools.sbom.cdx.json" > "$1/launch.sbom.cdx.json"; echo n > "$1/store.tmp"',
  'printf "[metadata]\\nn = 1\\n" > "$1/store.toml"',
  'printf \'[[processes]]\\ntype = "web"\\ncommand = ["tool"]\\ndefault = true\\n[[slices]]\\npaths = ["static/*"]\\n[[labels]]\\nkey = "k"\\nvalue = "v"\\n\' > "$1/launch.toml"',
  'echo built > built; find "$1" . -exec touch -h -d "$DAY" {} +; [ "$(id -u)" != 0 ] || chown -hR "$OWNER" "$1" .',
].join("\n");

function builder({ day, user, reversed }: Circumstances): Fixture {
  const made = fixture();
  builders.push(made);
  made.add({ id: "a/b", api: "0.12", keys: 'sbom-formats = ["application/vnd.cyclonedx+json"]', build: script });
  const files = Object.entries(application);
  for (const [name, text] of reversed ? files.toReversed() : files) made.write(`app/${name}`, text);
  made.write("platform/env/DAY", day);
  made.write("platform/env/OWNER", `${user}:${user}`);
  made.write("lifecycle/launcher", "launcher");
  for (const name of readdirSync(made.dir, { recursive: true, encoding: "utf8" })) {
    lutimesSync(join(made.dir, name), new Date(day), new Date(day));
    if (isRoot) chownSync(join(made.dir, name), user, user);
  }
  return made;
}

/** Builds with every phase, and returns the bytes of every file of the layout that the image is in. */
async function build(circumstances: Circumstances): Promise<ReadonlyMap<string, string>> {
  vi.useFakeTimers({ toFake: ["Date"], now: new Date(circumstances.day) });
  vi.stubEnv("TZ", circumstances.zone);
  const made = builder(circumstances);
  const [app, run] = [parseReference("localhost/app"), parseReference("localhost/run")];
  const store = memoryStore();
  await store.write(testImage({ layers: [tarOfNoise(600, 1)] }), [run]);
  const layers = { path: made.layers.path, name: "/layers" };
  const order = { order: [{ group: [{ id: "a/b", version: "1.0.0" }] }], orderExtensions: [] };
  const blobs = await openBlobCache(join(made.dir, "blobs"), { ctx: made.ctx });
  const { image } = await create(
    {
      analyze: {
        features,
        outputImages: [app],
        previousImage: undefined,
        runImage: run,
        cacheImage: undefined,
        layers,
        skipLayers: false,
      },
      detect: () => ({ ...made.inputs("0.15", { execEnv: "production" }), order, system: undefined }),
      export: {
        features,
        app: { path: made.app.path, name: "/workspace", parents: { uid: 1000, gid: 1000, mode: 0o755 } },
        layers: { ...layers, parents: { uid: 1000, gid: 1000, mode: 0o755 } },
        owner: { uid: 1000, gid: 1000 },
        launcher: {
          path: join(made.dir, "lifecycle/launcher"),
          lifecycleDir: join(made.dir, "lifecycle"),
          version: { version: "1", repository: "r", commit: "c" },
        },
        outputImages: [app],
        project: undefined,
        execEnv: "production",
      },
      runToml: { images: [{ image: "localhost/run", mirrors: [] }] },
      skipRestore: false,
    },
    {
      images: store,
      sink: store,
      blobs,
      cache: undefined,
      output: { kind: "stream", write: () => {} },
      ctx: made.ctx,
    },
  );
  const layout = join(made.dir, "layout");
  await layoutDirectoryStore(layout).write(image, [app]);
  const files = readdirSync(layout, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path): [string, string] => [path.slice(layout.length), readFileSync(path, "base64")])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe(`the same application${isRoot ? "" : " (all by one user: needs root)"}`, () => {
  test("built twice, on other days, by other users, in other directories, is the same image to the byte", async () => {
    const first = await build({ day: "2001-02-03T04:05:06Z", user: 1000, reversed: false, zone: "UTC" });
    const second = await build({ day: "2033-12-31T23:59:59Z", user: 4321, reversed: true, zone: "Asia/Tokyo" });
    expect([...first.keys()].filter((path) => path.includes("/blobs/sha256/")).length).toBeGreaterThan(8);
    expect([...second.keys()]).toEqual([...first.keys()]);
    expect(second).toEqual(first);
  });
});
