import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { archiveSink } from "../../lifecycle/platform/archives/archive-sink.ts";
import { engineConnection } from "../../lifecycle/stores/engine/connection.ts";
import { engineStore } from "../../lifecycle/stores/engine/engine-store.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { commandLine } from "../fakes/command-line.ts";
import { isInstalled } from "../fakes/docker-registry.ts";
import { startFakeEngine } from "../fakes/engine.ts";
import { diffIds, newBase, oldBase, rebaseSite, recorded } from "./rebase-site.ts";

const at = rebaseSite();
const { push, app } = at;

describe("an image in a container engine", () => {
  test("is found there when it is only there, and rebased there", async () => {
    const engine = await startFakeEngine();
    const person = commandLine({ DOCKER_HOST: `unix://${engine.socket}` });
    const connection = engineConnection({ kind: "unix", path: engine.socket });
    try {
      const directory = mkdtempSync(join(person.directory, "saved-"));
      const images = engineStore({ engine: connection, directory: () => directory });
      await push("engine/run:1", oldBase);
      const image = await app("engine", "engine/run:1");
      await images.write(image, [parseReference("in-engine:1")]);
      await push("engine/run:1", newBase);
      expect(await person.succeed("inspect", "in-engine:1", "--json")).toContain('"kind": "stale"');
      expect(await person.succeed("rebase", "in-engine:1", "--plan")).toMatch(/^Would rebase in-engine:1\n/);
      await person.succeed("rebase", "in-engine:1");
      const after = await images.resolve(parseReference("in-engine:1"));
      expect(await diffIds(after)).toEqual([...(await diffIds(newBase)), ...(await diffIds(image)).slice(2)]);
      expect(await person.local.list()).toEqual([]);
      await images.write(oldBase, [parseReference("only-in-engine/run:1")]);
      await person.succeed("rebase", "in-engine:1", "--run-image", "only-in-engine/run:1", "--force");
      expect(await diffIds(await images.resolve(parseReference("in-engine:1")))).toEqual(await diffIds(image));
      expect((await person.run("rebase", "not-there", "--output", "engine")).code).toBe(72);
    } finally {
      await connection.close();
      await engine.close();
      person.remove();
    }
  });

  test("that does not answer is named when it is asked for", async () => {
    const ran = await at.line.run("rebase", "hello", "--output", "engine");
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("error ENGINE_UNREACHABLE");
  });
});

describe("an image in a file", () => {
  const skopeo = isInstalled("skopeo");
  if (!skopeo && process.env["CI"] !== undefined) throw new Error("CI needs skopeo");

  test("a layout: its entry is replaced under its name, and others stay", async () => {
    const path = join(at.line.directory, "layout");
    const layout = layoutStore(path);
    await push("file/run:1", newBase);
    await layout.write(await app("layout", "file/run:1"), [parseReference("one"), parseReference("two")]);
    await push("file/run:1", newBase);
    await at.line.succeed("rebase", `oci:${path}:index.docker.io/library/one:latest`);
    expect((await recorded(await layout.resolve(parseReference("one"))))["topLayer"]).toBe((await diffIds(newBase))[1]);
    expect((await recorded(await layout.resolve(parseReference("two"))))["topLayer"]).toBe((await diffIds(oldBase))[1]);
    const ambiguous = await at.line.run("rebase", `oci:${path}`);
    expect(ambiguous.stderr).toContain("error IMAGE_NOT_FOUND");
    expect(ambiguous.stderr).toContain("add the name of one of them after the path");
  });

  test.each(["oci-archive", "docker-archive"] as const)("an %s is replaced as a whole", async (kind) => {
    const path = join(at.line.directory, `${kind}.tar`);
    const image = await app(kind, `${kind}/run:1`);
    await push(`${kind}/run:1`, newBase);
    await archiveSink(kind, path).write(image, [parseReference("hello:1")]);
    await at.line.succeed("rebase", `${kind}:${path}`);
    if (!skopeo) return;
    const inspected = JSON.parse(
      execFileSync("skopeo", ["inspect", "--config", `${kind}:${path}`], { encoding: "utf8" }),
    ) as { rootfs: { diff_ids: string[] } };
    expect(inspected.rootfs.diff_ids).toEqual([...(await diffIds(newBase)), ...(await diffIds(image)).slice(2)]);
    const listing = execFileSync("tar", ["-xOf", path, kind === "oci-archive" ? "index.json" : "manifest.json"], {
      encoding: "utf8",
    });
    expect(listing).toContain("hello:1");
    expect(existsSync(join(at.line.directory, "home/data/builds"))).toBe(true);
  });

  test.each([
    ["oci:", 3],
    ["oci-archive:missing.tar", 1],
    ["docker-archive:.", 1],
    ["oci:nowhere", 72],
    ["Not A Name", 3],
  ])("%j is refused", async (place, code) => {
    expect((await at.line.run("rebase", place)).code).toBe(code);
  });

  test("is not what --publish is for another store of", async () => {
    expect((await at.line.run("rebase", "a", "--publish", "--output", "engine")).code).toBe(3);
  });
});
