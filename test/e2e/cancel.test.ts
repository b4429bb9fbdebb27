import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { largeFile, manyFiles } from "../bench/bench-trees.ts";
import { startTrafficProxy, type TrafficProxy } from "../bench/traffic-proxy.ts";
import { pushRunImage } from "../bench/workloads.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import { type FinishedBuild, finishedBuild } from "./finished-build.ts";
import { needs, removeAll, type Running, scratchDirectory } from "./tspack.ts";

const tools = needs("docker-registry");
const node = process.execPath;

/** Milliseconds from the signal to the end of the process, on a machine that has nothing else to do. */
const most = 200;

/** What an empty script takes there. */
const emptyScript = 40;

/** A moment that took too long is tried again: another program may have had the disk or the processors. */
const tries = 3;

/** How many times as slow this machine is now. */
function slowness(): number {
  const began = performance.now();
  execFileSync(node, ["-e", "0"]);
  return Math.max(1, (performance.now() - began) / emptyScript);
}

/** A process that was told to end. */
interface Ended {
  readonly code: number;
  readonly milliseconds: number;
  readonly isInTime: boolean;
}

async function end(running: Running): Promise<Ended> {
  const before = slowness();
  const began = performance.now();
  running.child.kill("SIGTERM");
  const { code } = await running.done;
  const milliseconds = performance.now() - began;
  return { code, milliseconds, isInTime: milliseconds < most * Math.max(before, slowness()) };
}

/** Ends what `start` starts when `moment` has come; again where that took too long. */
async function ended(start: () => Running, moment: (running: Running) => Promise<void>): Promise<Ended> {
  for (let count = 1; ; count++) {
    const running = start();
    await Promise.race([moment(running), running.done]);
    const found = await end(running);
    if (found.isInTime || count === tries) return found;
  }
}

/** How often a phase has to be canceled before it is done, of six moments of its whole time. */
const canceled = 3;

/**
 * Ends it at several moments of its whole time, measured again where it was done too often before the signal came.
 * Before it listens, a signal just ends it.
 */
async function endsAtAnyMoment(start: () => Running): Promise<void> {
  const found: number[] = [];
  for (let count = 0; count < tries && found.filter((code) => code === 130).length < canceled; count++) {
    found.length = 0;
    found.push(...(await codesAtMoments(start)));
    expect(found.filter((code) => ![130, 0, -2].includes(code))).toEqual([]);
  }
  expect(found.filter((code) => code === 130).length, found.join()).toBeGreaterThanOrEqual(canceled);
}

async function codesAtMoments(start: () => Running): Promise<readonly number[]> {
  const began = performance.now();
  expect((await start().done).code).toBe(0);
  const whole = performance.now() - began;
  const codes: number[] = [];
  for (const part of [0.15, 0.3, 0.45, 0.6, 0.75, 0.9]) {
    const { code, milliseconds, isInTime } = await ended(start, () => sleep(whole * part));
    expect(isInTime, `${Math.round(milliseconds)} ms after ${part} of ${Math.round(whole)} ms`).toBe(true);
    codes.push(code);
  }
  return codes;
}

describe.skipIf(tools.skip)(`a phase ends within 200 ms of a signal${tools.note}`, () => {
  let directory = "";
  let registry: DockerRegistry;
  let large: FinishedBuild;
  let many: FinishedBuild;

  beforeAll(async () => {
    directory = scratchDirectory("cancel");
    registry = await startDockerRegistry();
    await pushRunImage(`${registry.host}/run`, "base");
    large = buildWith("large", (layer) => largeFile(layer, 200 * 2 ** 20, 3));
    many = buildWith("many", (layer) => manyFiles(layer, 8000, 4, 0.2));
  });
  afterAll(async () => {
    await registry?.close();
    removeAll(directory);
  });

  function buildWith(name: string, fill: (layer: string) => void, host = registry.host): FinishedBuild {
    const build = finishedBuild(join(directory, name), `${host}/run`);
    fill(build.layers[0]);
    for (const each of ["cache", "fingerprints"]) {
      mkdirSync(join(build.directory, each));
      chmodSync(join(build.directory, each), 0o777);
    }
    return build;
  }

  const cacheOf = ({ directory: at }: FinishedBuild): readonly string[] => ["-cache-dir", join(at, "cache")];
  const analyzed = async (build: FinishedBuild, ...args: readonly string[]): Promise<void> =>
    expect((await build.phase(node, "analyze", ...args)).code).toBe(0);
  const nothingLeft = (build: FinishedBuild): void => {
    expect(readdirSync(build.temporary)).toEqual([]);
    expect(readdirSync(join(build.directory, "cache")).filter((name) => name.startsWith("staging-"))).toEqual([]);
  };

  it.each([
    ["one large file", () => large, "large"],
    ["many small files", () => many, "many"],
  ] as const)("while it packs %s for image and cache", async (_, build, name) => {
    let count = 0;
    await analyzed(build(), `${registry.host}/${name}`);
    await endsAtAnyMoment(() => {
      rmSync(join(build().directory, "cache/committed"), { recursive: true, force: true });
      return build().start(node, "export", ...cacheOf(build()), `${registry.host}/${name}-${count++}`);
    });
    nothingLeft(build());
  });

  it.each([
    ["reads what may have changed", []],
    ["looks whether anything changed", ["-fingerprints"]],
  ] as const)("while it %s", async (_, flags) => {
    const image = `${registry.host}/again`;
    const args = [...flags.flatMap((flag) => [flag, join(many.directory, "fingerprints")]), image];
    for (let count = 0; count < 2; count++) {
      await analyzed(many, image);
      expect((await many.phase(node, "export", ...args)).code).toBe(0);
    }
    await endsAtAnyMoment(() => many.start(node, "export", ...args));
    nothingLeft(many);
  });

  it.each([
    ["one large file from a directory", () => large, "large", false],
    ["many small files from a directory", () => many, "many", false],
    ["many small files from an image", () => many, "many", true],
  ] as const)("while it restores %s", async (_, build, name, isImage) => {
    const image = `${registry.host}/${name}-restored`;
    const flags = isImage ? ["-cache-image", `${image}-cache`] : cacheOf(build());
    await analyzed(build(), image);
    build().declareLayers();
    expect((await build().phase(node, "export", ...flags, image)).code).toBe(0);
    await analyzed(build(), ...(isImage ? flags : []), image);
    await endsAtAnyMoment(() => {
      build().forgetLayers();
      return build().start(node, "restore", ...flags);
    });
    expect((await build().phase(node, "restore", ...flags)).code).toBe(0);
    expect(existsSync(build().layers[0])).toBe(true);
  });

  it("while it sends a layer through a slow network", async () => {
    const proxy: TrafficProxy = await startTrafficProxy({
      target: registry.host,
      speed: { delay: 20, bitRate: 40e6 },
    });
    const slow = buildWith("slow", (layer) => largeFile(layer, 64 * 2 ** 20, 5), proxy.host);
    await analyzed(slow, `${proxy.host}/slow`);
    for (const sent of [0.3, 2, 5]) {
      let count = 0;
      const { code, isInTime, milliseconds } = await ended(
        () => {
          proxy.reset();
          return slow.start(node, "export", `${proxy.host}/slow-${sent}-${count++}`);
        },
        async () => {
          while (proxy.read().sentBytes < sent * 1e6) await sleep(5);
        },
      );
      expect({ code, isInTime }, `${milliseconds} ms`).toEqual({ code: 130, isInTime: true });
    }
    // Nothing comes after the end.
    proxy.reset();
    await sleep(200);
    expect(proxy.read().requests).toBe(0);
    nothingLeft(slow);
    await proxy.close();
  });

  it("while a registry does not answer", async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => void sockets.add(socket.on("error", () => {})));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const host = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const start = (): Running => large.start(node, "analyze", `${host}/app`);
    const { code, isInTime, milliseconds } = await ended(start, async () => {
      sockets.clear();
      while (sockets.size === 0) await sleep(5);
    });
    expect({ code, isInTime }, `${milliseconds} ms`).toEqual({ code: 130, isInTime: true });
    silent.close();
    for (const socket of sockets) socket.destroy();
  });
});
