import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DockerRegistry, startDockerRegistry } from "../../fakes/docker-registry.ts";
import { type Finished, packageFile, type Person, removeAll, scratchDirectory, self } from "../tspack.ts";
import {
  type BuildDirectories,
  type ContainerEngine,
  buildDirectories,
  type ContainerRun,
  copyCache,
  copyImage,
  engines,
  lacking,
  loadImage,
  makeDirectory,
  packageVariables,
  proxyVariables,
  runContainer,
  trustedCertificates,
} from "./containers.ts";
import { type Row, rows } from "./rows.ts";

const builderImage = "tspack.local/builder:bookworm";
const runImage = "tspack.local/run:bookworm";
const table: string[] = [];

afterAll(() => {
  const head = "| row | container | engine | result | seconds | image |\n|---|---|---|---|---|---|";
  const text = [head, ...table].join("\n");
  console.log(text);
  if (process.env["UPDATE_TABLE"] === undefined || table.length === 0) return;
  const readme = join(import.meta.dirname, "README.md");
  const parts = readFileSync(readme, "utf8").split(/(?<=<!-- measured -->\n)|(?=<!-- end -->)/);
  writeFileSync(readme, [parts[0], text, "\n", parts.at(-1)].join(""));
});

describe.each(engines)("in $name", ({ name, program, start }) => {
  const missing = lacking(program);
  if (missing.length > 0) {
    it.skip(`builds in every kind of container (needs ${missing.join(", ")})`, () => {});
    return;
  }
  let engine: ContainerEngine;
  let registry: DockerRegistry;
  let person: Person;
  const scratch = scratchDirectory("rows");
  const warm = join(scratch, "warm-cache");
  // Every container makes the same image: what differs is who builds, never what.
  const digests = new Set<string>();

  beforeAll(async () => {
    person = await self();
    registry = await startDockerRegistry();
    engine = await start();
    loadImage(engine, person, builderImage);
    copyImage(person, runImage, `docker://${registry.host}/run:bookworm`);
  });
  afterAll(async () => {
    await engine?.close();
    await registry?.close();
    removeAll(scratch);
  });

  it.each(rows)("row $id, $what", async (row) => {
    const at = buildDirectories(
      join(scratch, row.id),
      row.owner,
      packageFile("samples/node-express"),
      packageVariables(),
    );
    // The first row fetches everything; the others start with its cache.
    if (row.id !== "A") copyCache(warm, at.cache, row.owner);
    const began = performance.now();
    const run = { engine, row, at, registry: registry.host, person };
    const finished = await (row.phases === undefined ? createIn(run) : phasesIn(run));
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const digest = /\*\*\* Images \((sha256:[0-9a-f]{64})\)/.exec(finished.stdout)?.[1] ?? "";
    const result = finished.code === 0 ? "built" : `exit ${finished.code}`;
    table.push(`| ${row.id} | ${row.what} | ${name} | ${result} | ${seconds} | \`${digest.slice(7, 19)}\` |`);
    expect(finished, finished.stdout + finished.stderr).toMatchObject({ code: 0 });
    expect(digest).not.toBe("");
    if (row.id === "A") copyCache(at.cache, warm, "0:0");
    if (row.layout === undefined) digests.add(digest);
    expect([...digests]).toHaveLength(1);

    const seen = await runContainer(engine, container(run, ["/cnb/lifecycle/lifecycle", "doctor", "--json"]));
    expect(JSON.parse(seen.stdout)).toMatchObject({
      row: row.doctor ?? row.id,
      guarded: row.flags.includes("0:0") ? null : true,
    });
  });

  it("root without capabilities is refused unless -allow-root is given", async () => {
    const row = { ...rows.find(({ id }) => id === "B"), creator: [] } as Row;
    const at = buildDirectories(join(scratch, "refused"), "0:0", packageFile("samples/node-express"), {});
    const finished = await createIn({ engine, row, at, registry: registry.host, person });
    expect(finished.code).toBe(1);
    expect(finished.stdout).toMatch(/ERROR: [^]*failed to chown volumes[^]*-allow-root/);
  });
});

interface RowRun {
  readonly engine: ContainerEngine;
  readonly row: Row;
  readonly at: BuildDirectories;
  readonly registry: string;
  readonly person: Person;
}

function container({ engine, row, at }: RowRun, command: readonly string[]): ContainerRun {
  const inMemory = row.tmpfsLayers === true;
  const layers = inMemory ? {} : { "/layers": at.layers };
  return {
    image: builderImage,
    flags: [...row.flags, ...(inMemory ? engine.tmpfsLayers : [])],
    volumes: {
      ...layers,
      "/workspace": at.app,
      "/cache": at.cache,
      "/platform": at.platform,
      ...trustedCertificates(),
    },
    env: { CNB_PLATFORM_API: "0.14", ...proxyVariables() },
    network: row.layout === undefined ? "host" : "none",
    command,
  };
}

function createIn(run: RowRun): Promise<Finished> {
  const { engine, row, at, registry, person } = run;
  const common = ["/cnb/lifecycle/creator", "-cache-dir", "/cache", ...(row.creator ?? [])];
  if (row.layout === undefined) {
    const where = [
      "-insecure-registry",
      registry,
      "-run-image",
      `${registry}/run:bookworm`,
      `${registry}/app-${row.id.toLowerCase()}`,
    ];
    return runContainer(engine, container(run, [...common, ...where]));
  }
  const layout = makeDirectory(join(at.root, "layout"), row.owner);
  const here = makeDirectory(join(layout, runImage.replace(":", "/")), row.owner);
  copyImage(person, runImage, `oci:${here}`);
  makeDirectory(layout, row.owner);
  const command = [...common, "-layout", "-layout-dir", "/layout", "-run-image", runImage, "example.com/app"];
  const plain = container(run, command);
  return runContainer(engine, {
    ...plain,
    volumes: { ...plain.volumes, "/layout": layout },
    env: { ...plain.env, CNB_EXPERIMENTAL_MODE: "warn" },
  });
}

/** The five phases as an untrusted builder gets them; the exporter's output is the last. */
async function phasesIn(run: RowRun): Promise<Finished> {
  const { engine, row, registry } = run;
  const insecure = ["-insecure-registry", registry];
  const image = `${registry}/app-${row.id.toLowerCase()}`;
  const phases: readonly (readonly [string, "host" | "none", readonly string[]])[] = [
    ["analyzer", "host", [...insecure, "-run-image", `${registry}/run:bookworm`, image]],
    ["detector", "none", []],
    ["restorer", "host", [...insecure, "-cache-dir", "/cache"]],
    ["builder", "none", []],
    ["exporter", "host", [...insecure, "-cache-dir", "/cache", image]],
  ];
  let last: Finished = { code: -1, stdout: "", stderr: "" };
  for (const [program, network, flags] of phases) {
    last = await runContainer(engine, { ...container(run, [`/cnb/lifecycle/${program}`, ...flags]), network });
    if (last.code !== 0) return last;
  }
  return last;
}
