import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { runPhase } from "../cli/run-phase.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";
import { type Fixture, fixture } from "../phases/builder-fixture.ts";
import { within } from "./bounds.ts";

// The programs, with what somebody hostile or broken left for them: which number do they end with?
let builder: Fixture;
let registry: FakeRegistry;
beforeEach(async () => {
  builder = fixture();
  registry = await startFakeRegistry();
  for (const name of ["home", "cache", "kaniko"]) mkdirSync(join(builder.dir, name));
  await registryStore().write(testImage({ layers: [tarOfNoise(600, 1)] }), [parseReference(`${registry.host}/run:v1`)]);
  builder.write("launcher", "launcher");
  builder.write("order.toml", '[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"\n');
  builder.write("run.toml", `[[images]]\nimage = "${registry.host}/run:v1"\n`);
});
afterEach(async () => {
  await registry.close();
  builder.remove();
});

type Step = "analyzer" | "detector" | "restorer" | "builder" | "exporter" | "rebaser";

const argumentsOf: Readonly<Record<Step, () => readonly string[]>> = {
  analyzer: () => ["-run-image", `${registry.host}/run:v1`, `${registry.host}/app`],
  detector: () => [],
  restorer: () => ["-cache-dir", join(builder.dir, "cache")],
  builder: () => [],
  exporter: () => [
    ...["-launcher", join(builder.dir, "launcher"), "-uid", "1000", "-gid", "1000"],
    ...["-cache-dir", join(builder.dir, "cache"), `${registry.host}/app`],
  ],
  rebaser: () => ["-report", join(builder.dir, "report.toml"), `${registry.host}/app`],
};

const run = (step: Step): ReturnType<typeof runPhase> => runPhase(builder, step, argumentsOf[step]());

async function after(...steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const { code, output } = await run(step);
    expect(code, `${step}\n${output}`).toBe(0);
  }
}

const whole: readonly Step[] = ["analyzer", "detector", "restorer", "builder", "exporter"];
const write = (path: string, content: string | Uint8Array): void => writeFileSync(join(builder.dir, path), content);
const manifest = (name: string, bytes: string): void => {
  registry.manifests.set(name, { type: "application/vnd.oci.image.manifest.v1+json", bytes: Buffer.from(bytes) });
};
const cached =
  'mkdir "$1/l"; echo x > "$1/l/f"; printf "[types]\\ncache = true\\n" > "$1/l.toml"; echo "[metadata]" > "$1/store.toml"';
const status = (method: string, code: number): void =>
  registry.fail({ method, path: /\/v2\//, times: 99, action: { kind: "status", status: code } });

/** The cache has nothing but its metadata, and the layers of the last build are gone. */
function loseCachedLayers(): void {
  rmSync(join(builder.dir, "layers/a/l"), { recursive: true, force: true });
  const directory = join(builder.dir, "cache/committed");
  for (const name of readdirSync(directory)) if (name.endsWith(".tar")) rmSync(join(directory, name));
}

interface Case {
  readonly name: string;
  readonly before?: readonly Step[];
  readonly detect?: string;
  readonly build?: string;
  readonly make?: () => void;
  readonly exit: number;
  readonly says: RegExp;
}

const cases: Readonly<Record<Step, readonly Case[]>> = {
  analyzer: [
    {
      name: "a run image whose manifest is HTML",
      make: () => manifest("run v1", "<html>"),
      exit: 32,
      says: /run manifest/,
    },
    {
      name: "a previous image whose manifest nests without end",
      make: () => manifest("app latest", `{"a":${"[".repeat(100_000)}`),
      exit: 32,
      says: /app/,
    },
    {
      name: "an index without our platform",
      make: () =>
        manifest("run v1", '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'),
      exit: 32,
      says: /run manifest/,
    },
    { name: "a registry that says 401", make: () => status("GET", 401), exit: 32, says: /answered status 401/ },
    { name: "a registry that says 403", make: () => status("GET", 403), exit: 32, says: /answered status 403/ },
    { name: "run.toml in UTF-16", make: () => write("run.toml", Buffer.from("a = 1", "utf16le")), exit: 0, says: /./ },
  ],
  detector: [
    {
      name: "an order that is not UTF-8",
      make: () => write("order.toml", Buffer.from([0xff])),
      exit: 1,
      says: /order\.toml/,
    },
    {
      name: "an order that nests without end",
      make: () => write("order.toml", `a = ${"[".repeat(100_000)}`),
      exit: 1,
      says: /order\.toml/,
    },
    { name: "a plan that is not UTF-8", detect: 'printf "\\377" > "$2"', exit: 21, says: /plan\.toml|UTF-8/ },
    { name: "a bin/detect that kills itself", detect: "kill -9 $$", exit: 21, says: /err: +a@1\.0\.0/ },
    {
      name: "a composite that contains itself",
      make: () =>
        builder.write(
          "buildpacks/a/1.0.0/buildpack.toml",
          'api = "0.10"\n[buildpack]\nid = "a"\nversion = "1.0.0"\n[[order]]\n[[order.group]]\nid = "a"\nversion = "1.0.0"\n',
        ),
      exit: 22,
      says: /contains itself/,
    },
    {
      name: "a user's variable of 200,000 bytes",
      make: () => builder.write("platform/env/X", "x".repeat(200_000)),
      exit: 21,
      says: /too long/i,
    },
  ],
  restorer: [
    {
      name: "analyzed.toml with a number beyond 64 bits",
      before: ["analyzer", "detector"],
      make: () => write("layers/analyzed.toml", "a = 9223372036854775808"),
      exit: 0,
      says: /Warning: Not using analyzed data, usable file not found: failed to read analyzed file/,
    },
    {
      name: "a group whose id is ..",
      before: ["analyzer"],
      make: () => write("layers/group.toml", '[[group]]\nid = ".."\nversion = "1"\napi = "0.10"\n'),
      exit: 42,
      says: /\.\./,
    },
    {
      name: "cache metadata that is no JSON",
      before: whole,
      make: () => write("cache/committed/io.buildpacks.lifecycle.cache.metadata", "{"),
      exit: 0,
      says: /Warning: Ignoring the cache/,
    },
    {
      name: "a cache that has lost its layers",
      before: whole,
      build: cached,
      make: loseCachedLayers,
      exit: 0,
      says: /Warning: Skipping restore for layer a:l: failed to find cache layer/,
    },
  ],
  builder: [
    {
      name: "a group with a byte order mark in it",
      before: ["analyzer", "detector"],
      make: () => write("layers/group.toml", "a = 1\n\uFEFFb = 1\n"),
      exit: 1,
      says: /group/,
    },
    {
      name: "a bin/build that ends with 7",
      before: ["analyzer", "detector"],
      build: "exit 7",
      exit: 51,
      says: /exit status 7/,
    },
    {
      name: "a bin/build that kills itself",
      before: ["analyzer", "detector"],
      build: "kill -9 $$",
      exit: 51,
      says: /kill/i,
    },
    {
      name: "a FIFO as the metadata of a layer",
      before: ["analyzer", "detector"],
      build: 'mkfifo "$1/l.toml"',
      exit: 52,
      says: /not a regular file/,
    },
    {
      name: "a file in place of the layers directory",
      before: ["analyzer", "detector"],
      build: 'rm -r "$1"; echo > "$1"',
      exit: 52,
      says: /layers\/a/,
    },
    {
      name: "a user's variable of 200,000 bytes",
      before: ["analyzer", "detector"],
      make: () => builder.write("platform/env/X", "x".repeat(200_000)),
      exit: 51,
      says: /too long/i,
    },
    {
      name: "a user's variable with a NUL",
      before: ["analyzer", "detector"],
      make: () => builder.write("platform/env/X", "a\0b"),
      exit: 51,
      says: /without null bytes/,
    },
  ],
  exporter: [
    {
      name: "metadata.toml with a process type that leads elsewhere",
      before: whole.slice(0, 4),
      make: () =>
        write("layers/config/metadata.toml", '[[processes]]\ntype = "../x"\ncommand = ["a"]\nbuildpack-id = "a"\n'),
      exit: 62,
      says: /invalid process type '\.\.\/x'/,
    },
    {
      name: "metadata.toml that is not TOML",
      before: whole.slice(0, 4),
      make: () => write("layers/config/metadata.toml", "\0"),
      exit: 62,
      says: /metadata/,
    },
    {
      name: "a registry that says 403 to uploads",
      before: whole.slice(0, 4),
      make: () => status("POST", 403),
      exit: 62,
      says: /403|forbidden|denied/i,
    },
    {
      name: "a run image that has lost its config",
      before: whole.slice(0, 4),
      make: () => {
        registry.blobs.clear();
      },
      exit: 1,
      says: /run/,
    },
  ],
  rebaser: [
    {
      name: "an app image whose manifest is HTML",
      before: whole,
      make: () => manifest("app latest", "<html>"),
      exit: 72,
      says: /app/,
    },
    {
      name: "a registry that answers with other bytes",
      before: whole,
      make: () => registry.fail({ method: "GET", path: /blobs/, times: 9, action: { kind: "corrupt" } }),
      exit: 72,
      says: /digest|sha256/i,
    },
    {
      name: "an image of nobody's",
      make: () => registry.manifests.set("app latest", registry.manifests.get("run v1") as never),
      exit: 72,
      says: /./,
    },
  ],
};

describe.each(Object.entries(cases) as readonly (readonly [Step, readonly Case[]])[])("%s", (step, table) => {
  test.each(table.map((one) => [one.exit, one.name, one] as const))("ends with %i: %s", async (exit, _, one) => {
    builder.add({ id: "a", detect: one.detect ?? "exit 0", build: one.build ?? "exit 0" });
    await after(...(one.before ?? []));
    one.make?.();
    const { code, output } = await within(15_000, () => run(step));
    expect(code, output).toBe(exit);
    expect(output).toMatch(one.says);
  });
});
