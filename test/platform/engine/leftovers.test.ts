import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../lifecycle/context.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { buildLabel, ownerLabel, removeLeftovers } from "../../../lifecycle/platform/engine/leftovers.ts";
import { decodeOwner, encodeOwner, isGone, type Owner, thisOwner } from "../../../lifecycle/platform/owner.ts";
import { openSession } from "../../../lifecycle/platform/engine/session.ts";
import { engineConnection } from "../../../lifecycle/stores/engine/connection.ts";
import { type FakeEngine, startFakeEngine } from "../../fakes/engine.ts";

const now = new Date("2026-02-03T04:05:06Z");
const own = thisOwner(now) as Owner;
const day = 24 * 60 * 60 * 1000;
const ctx = {
  logger: silentLogger,
  progress: silentProgress,
  clock: () => now,
  signal: new AbortController().signal,
};

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid ?? 0;
}

describe.skipIf(process.platform !== "linux")("the owner of a thing in an engine", () => {
  test("survives its label, and other texts are nobody", () => {
    expect(decodeOwner(encodeOwner(own))).toEqual(own);
    for (const text of ["", "{}", "null", "[1]", "1", encodeOwner({ ...own, pid: -1 }), '{"pid": 1}'])
      expect(decodeOwner(text)).toBeUndefined();
  });

  test("is there while its process runs, however long that is", () => {
    const old = { ...own, since: now.getTime() - 30 * day };
    expect(isGone(old, own)).toBe(false);
    expect(isGone({ ...old, host: "renamed" }, own)).toBe(false);
  });

  test("is gone when its process has ended, and when another has its number", async () => {
    expect(isGone({ ...own, pid: await endedProcess() }, own)).toBe(true);
    expect(isGone({ ...own, ticks: `${own.ticks}1` }, own)).toBe(true);
  });

  test.each([
    ["before the last start of this machine, a day ago", { scope: "boot pid:[1] time:[1]" }, day, false],
    ["before the last start of this machine, three days ago", { scope: "boot pid:[1] time:[1]" }, 3 * day, true],
    ["on another machine, whatever it is", { scope: "boot pid:[1] time:[1]", host: "elsewhere" }, 90 * day, false],
  ])("that made it %s", async (_when, where, age, expected) => {
    const owner = { ...own, ...where, pid: await endedProcess(), since: now.getTime() - age };
    expect(isGone(owner, own)).toBe(expected);
  });
});

describe.skipIf(process.platform !== "linux")("what killed builds left in an engine", () => {
  let engine: FakeEngine;
  afterEach(() => engine.close());

  test("goes, containers first; what runs, is somebody else's or has no owner stays", async () => {
    const gone = { ...own, pid: await endedProcess() };
    const labels = (owner: Owner): object => ({ [buildLabel]: "1", [ownerLabel]: encodeOwner(owner) });
    const things = [
      ["gone", labels(gone)],
      ["mine", labels(own)],
      ["elsewhere", labels({ ...gone, scope: "x", host: "elsewhere" })],
      ["older", { [buildLabel]: "1" }],
      ["unmarked", { [ownerLabel]: encodeOwner(gone) }],
      ["plain", null],
    ] as const;
    const named = things.map(([name, Labels]) => ({ Id: `${name}-id`, Name: name, Labels }));
    engine = await startFakeEngine({
      before: (line) => {
        if (line.startsWith("DELETE /containers")) return { status: 409, body: '{"message":"it is being removed"}' };
        if (line.startsWith("DELETE")) return { status: 204, body: "" };
        const body = line.startsWith("GET /volumes") ? { Volumes: named } : named;
        return { status: 200, body: JSON.stringify(body) };
      },
    });
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    await removeLeftovers(connection, ctx);
    await connection.close();
    expect(engine.requests.filter((line) => line.startsWith("DELETE"))).toEqual([
      "DELETE /containers/gone-id?force=1&v=1",
      "DELETE /volumes/gone?force=1",
      "DELETE /networks/gone",
    ]);
    for (const line of engine.requests.slice(0, 3)) expect(decodeURIComponent(line)).toContain(`"${ownerLabel}"`);
  });

  test("fails no build when the engine will not tell of it", async () => {
    engine = await startFakeEngine({ before: () => ({ status: 500, body: '{"message":"broken"}' }) });
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    await expect(removeLeftovers(connection, ctx)).resolves.toBeUndefined();
    await connection.close();
  });

  test("is found because a session marks all that it makes", async () => {
    const documents: unknown[] = [];
    engine = await startFakeEngine({ before: () => ({ status: 201, body: '{"Id":"id"}' }) });
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    const listening = {
      ...connection,
      request: (asked: Parameters<typeof connection.request>[0]) => {
        documents.push(asked.document);
        return connection.request(asked);
      },
    };
    const session = openSession(listening, ctx);
    await session.network();
    await session.volume("layers");
    const spec = { image: "i", command: ["/p"], env: {}, user: "0:0", binds: [], network: "none", confined: true };
    await session.container("detector", spec);
    const mark = { author: "tspack", [ownerLabel]: encodeOwner(own), [buildLabel]: expect.any(String) };
    expect(documents).toEqual([1, 2, 3].map(() => expect.objectContaining({ Labels: mark })));
    await session.close();
    await connection.close();
  });
});
