import { execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packEntries } from "../../lifecycle/layers/pack-entries.ts";
import { appendLayers, mutate, setLabels } from "../../lifecycle/oci/mutate.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { openBlobCache } from "../../lifecycle/stores/blob-cache/open.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import { ask, freePort } from "./http.ts";
import { readExpectation, sampleDirectory } from "./samples.ts";
import { storeContext } from "./scripted-builder.ts";
import {
  buildJson,
  follow,
  needs,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  startTspack,
  succeed,
  type Summary,
  tspack,
} from "./tspack.ts";

const run = promisify(execFile);
const tools = needs("docker-registry", "skopeo", "umoci");
const expected = readExpectation("node-express");

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

describe.skipIf(tools.skip)(`an image in a registry${tools.note}`, () => {
  let person: Person;
  let registry: DockerRegistry;
  let directory = "";
  let image = "";
  let built: Summary;

  beforeAll(async () => {
    person = await self();
    directory = scratchDirectory("publish");
    registry = await startDockerRegistry();
    image = `${registry.host}/e2e/express`;
    built = await buildJson(person, [image, "--path", sampleDirectory("node-express"), "--publish"]);
  });
  afterAll(async () => {
    await registry.close();
    removeAll(directory);
  });

  const manifest = async (): Promise<Manifest> =>
    JSON.parse(await skopeo("inspect", "--raw", `docker://${image}`)) as Manifest;

  it("is what the summary said, as skopeo reads it", async () => {
    const seen = JSON.parse(await skopeo("inspect", `docker://${image}`)) as { Digest: string; Labels: object };
    expect(seen.Digest).toBe(built.digest);
    expect(Object.keys(seen.Labels)).toEqual(
      expect.arrayContaining(["io.buildpacks.lifecycle.metadata", "io.buildpacks.build.metadata"]),
    );
    const pulled = JSON.parse((await succeed(person, ["inspect", "--json", image])).stdout) as { digest: string };
    expect(pulled.digest).toBe(built.digest);
  });

  it("has the same digest as the image of the local store", async () => {
    const local = await buildJson(person, ["e2e/express-local", "--path", sampleDirectory("node-express")]);
    expect(local.digest).toBe(built.digest);
  });

  it("is built again without sending a layer", async () => {
    const again = await buildJson(person, [image, "--path", sampleDirectory("node-express"), "--publish"]);
    expect(again.digest).toBe(built.digest);
    expect(again.layers.filter(({ action }) => action === "new")).toEqual([]);
  });

  it("is unpacked by umoci, with the application and its owner in it", async () => {
    const layout = join(directory, "layout");
    await skopeo("copy", `docker://${image}`, `oci:${layout}:express`);
    const bundle = join(directory, "bundle");
    await run("umoci", ["unpack", "--rootless", "--image", `${layout}:express`, bundle]);
    const rootfs = join(bundle, "rootfs");
    expect(readFileSync(join(rootfs, "workspace/server.js"), "utf8")).toBe(
      readFileSync(join(sampleDirectory("node-express"), "server.js"), "utf8"),
    );
    expect(readdirSync(join(rootfs, "layers"))).toEqual(expect.arrayContaining(["config", "tspack_nodejs"]));
    expect(readlinkSync(join(rootfs, "cnb/process/web"))).toBe("/cnb/lifecycle/launcher");
    const config = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as {
      process: { args: string[]; user: object };
    };
    expect(config.process).toMatchObject({ args: ["/cnb/process/web"], user: { uid: 1000, gid: 1000 } });
  });

  const podman = needs("podman");
  it.skipIf(podman.skip || process.getuid?.() !== 0)(`runs under podman${podman.note}`, async () => {
    const storage = ["--root", join(directory, "podman"), "--runroot", join(directory, "podman-run")];
    const base = [...storage, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"];
    const port = await freePort();
    // Limits that a machine without the right to raise them can set.
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    const args = [
      ...base,
      "run",
      "--rm",
      "--tls-verify=false",
      "--network",
      "host",
      ...limits,
      "-e",
      `PORT=${port}`,
      image,
    ];
    const running = follow(spawn("podman", args, { stdio: ["ignore", "pipe", "pipe"] }));
    try {
      const answer = await ask(`http://127.0.0.1:${port}${expected.http.path}`, running.done);
      expect(answer).toMatchObject({ status: expected.http.status, body: expect.stringMatching(expected.http.body) });
    } finally {
      running.child.kill("SIGTERM");
      await running.done;
    }
  });

  it("is rebased: other base, same application layers, manifest and config only", async () => {
    const newBase = `${registry.host}/bases/run:2`;
    await publishNewBase(person, newBase);
    const before = await manifest();
    const args = ["rebase", image, "--publish", "--run-image", newBase, "--json"];
    // The image was not built for this base, so somebody has to insist.
    const refused = await tspack(person, args);
    expect(refused.code).toBe(72);
    expect(refused.stderr).toContain("error NOT_REBASABLE: ");
    expect(await manifest()).toEqual(before);
    const { stdout } = await succeed(person, [...args, "--force"]);
    const rebased = JSON.parse(stdout) as { digest: string; layersSent: number; runImage: string };
    expect(rebased.layersSent).toBe(0);
    expect(rebased.runImage).toContain(`${registry.host}/bases/run@sha256:`);
    expect(rebased.digest).not.toBe(built.digest);

    const after = await manifest();
    const own = built.layers.filter(({ action }) => action !== "base").length;
    const digests = ({ layers }: Manifest): readonly string[] => layers.map(({ digest }) => digest);
    expect(digests(after).slice(-own)).toEqual(digests(before).slice(-own));
    expect(digests(after).length).toBe(digests(before).length + 1);
    expect(after.config.digest).not.toBe(before.config.digest);

    const port = await freePort();
    const running = startTspack(person, ["run", "-e", `PORT=${port}`, image]);
    try {
      const answer = await ask(`http://127.0.0.1:${port}${expected.http.path}`, running.done);
      expect(answer).toMatchObject({ status: expected.http.status, body: expect.stringMatching(expected.http.body) });
    } finally {
      running.child.kill("SIGINT");
      await running.done;
    }
    const shown = await succeed(person, ["run", "--entrypoint", "launcher", image, "--", "cat", "/etc/base-version"]);
    expect(shown.stdout).toBe("2\n");

    // Rebasing onto the same base again changes nothing.
    const again = await succeed(person, [...args, "--force"]);
    expect((JSON.parse(again.stdout) as { digest: string }).digest).toBe(rebased.digest);
  });

  async function skopeo(command: "inspect" | "copy", ...args: readonly string[]): Promise<string> {
    const tls = command === "inspect" ? "--tls-verify=false" : "--src-tls-verify=false";
    const { stdout } = await run("skopeo", ["--insecure-policy", command, tls, ...args]);
    return stdout;
  }
});

/** The default run image with one more layer, sent to a registry. */
async function publishNewBase(person: Person, name: string): Promise<void> {
  const base = await layoutStore(join(person.home, "data/images")).resolve(parseReference("tspack.local/run:bookworm"));
  if (base === undefined) throw new Error("there is no default run image");
  const blobs = await openBlobCache(join(person.home, "cache/blobs"), { ctx: storeContext });
  const file = { name: "/etc/base-version", type: "file", mode: 0o644, uid: 0, gid: 0, content: "2\n" } as const;
  const layer = await packEntries([file], blobs);
  const image = mutate(
    base,
    appendLayers([{ layer, history: { created_by: "test" } }]),
    setLabels({ "test.base": "2" }),
  );
  await registryStore({}).write(image, [parseReference(name)], { ctx: storeContext });
}
