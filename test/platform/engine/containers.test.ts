import { afterEach, describe, expect, test } from "vitest";
import { createVolume } from "../../../lifecycle/platform/engine/containers.ts";
import { type EngineConnection, engineConnection } from "../../../lifecycle/stores/engine/connection.ts";
import { type FakeEngine, startFakeEngine } from "../../fakes/engine.ts";

let engine: FakeEngine | undefined;
let connection: EngineConnection | undefined;
afterEach(async () => {
  await connection?.close();
  await engine?.close();
});

/** An engine that fails to make a volume, as Podman does when somebody else makes it in that moment. */
async function failing(isThere: boolean): Promise<EngineConnection> {
  engine = await startFakeEngine({
    before: (line) => {
      if (line === "POST /volumes/create") return { status: 500, body: '{"message":"volume already exists"}' };
      if (line !== "GET /volumes/kept") return undefined;
      return isThere ? { status: 200, body: '{"Name":"kept"}' } : { status: 404, body: '{"message":"no such volume"}' };
    },
  });
  connection = engineConnection({ kind: "unix", path: engine.socket });
  return connection;
}

describe("createVolume", () => {
  test("is content with a volume that another build made in the same moment", async () => {
    await expect(createVolume(await failing(true), "kept")).resolves.toBeUndefined();
    expect(engine?.requests).toContain("GET /volumes/kept");
  });

  test("says the engine's reason when there is none", async () => {
    await expect(createVolume(await failing(false), "kept")).rejects.toMatchObject({
      code: "ENGINE_ERROR",
      message: expect.stringContaining("volume already exists") as unknown,
    });
  });
});
