import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builderAdditions } from "../../../lifecycle/platform/buildpacks/additions.ts";
import { type BuilderChanges, resolveBuilderChanges } from "../../../lifecycle/platform/buildpacks/builder-changes.ts";
import { type BuilderContents, builderContents } from "../../../lifecycle/platform/buildpacks/contents.ts";
import { type BuildpackRequest, requestsOf } from "../../../lifecycle/platform/buildpacks/request.ts";
import { additionMounts } from "../../../lifecycle/platform/runners/sandbox/addition-mounts.ts";
import { component, composite, portsIn, scratch, tree } from "./module-fixture.ts";

const directory = scratch("changes");
const ports = await portsIn(directory);
const rootfs = tree(join(directory, "rootfs"), {
  "cnb/order.toml":
    '[[order]]\n[[order.group]]\nid = "own/a"\nversion = "1"\n[[order]]\n[[order.group]]\nid = "own/b"\nversion = "1"\n',
  "cnb/system.toml": '[[system.pre.buildpacks]]\nid = "own/a"\nversion = "1"\n',
  "cnb/lifecycle/lifecycle.toml": '[apis.buildpack]\nsupported = ["0.10"]\n',
});
for (const [id, version] of [
  ["own/a", "1"],
  ["own/a", "2"],
  ["own/b", "1"],
] as const)
  tree(join(rootfs, "cnb/buildpacks", id.replace("/", "_"), version), component(id, version));
const contents: BuilderContents = builderContents({ name: "b", rootfs });
const own = tree(join(directory, "mine"), component("me/mine", "1"));
tree(join(directory, "ext"), {
  "extension.toml": 'api = "0.10"\n[extension]\nid = "me/ext"\nversion = "1"\n',
  "bin/detect": "#!/bin/sh\n",
});

interface Wanted {
  readonly buildpacks?: readonly string[];
  readonly pre?: readonly string[];
  readonly post?: readonly string[];
  readonly extensions?: readonly string[];
  readonly inline?: readonly BuildpackRequest[];
  readonly disableSystem?: boolean;
}

function resolve(wanted: Wanted): Promise<BuilderChanges | undefined> {
  const list = (texts: readonly string[] = [], more: readonly BuildpackRequest[] = []) => ({
    requests: [...requestsOf(texts), ...more],
    baseDir: directory,
  });
  const { buildpacks, inline, pre, post, extensions, disableSystem = false } = wanted;
  const selection = {
    buildpacks: list(buildpacks, inline),
    pre: list(pre),
    post: list(post),
    extensions: list(extensions),
    disableSystem,
    platform: { os: "linux", architecture: "amd64" },
  };
  return resolveBuilderChanges(selection, contents, ports);
}

const groups = (changes: BuilderChanges | undefined): readonly string[] =>
  (changes?.order ?? []).map(({ group }) => group.map(({ id, version }) => `${id}@${version}`).join(" "));

describe("what is put into a builder", () => {
  test("is nothing when nothing is asked for", async () => {
    expect(await resolve({})).toBeUndefined();
  });

  test("is the buildpack that was named, alone in the order", async () => {
    const changes = await resolve({ buildpacks: ["mine"] });
    expect(groups(changes)).toEqual(["me/mine@1"]);
    expect(changes?.buildpacks.map(({ id }) => id)).toEqual(["me/mine"]);
    expect(existsSync(join(changes?.buildpacks[0]?.directory ?? "", "bin/detect"))).toBe(true);
  });

  test("goes around the builder's own groups", async () => {
    expect(groups(await resolve({ pre: ["mine"], post: ["own/b"] }))).toEqual([
      "me/mine@1 own/a@1 own/b@1",
      "me/mine@1 own/b@1",
    ]);
    expect(groups(await resolve({ buildpacks: ["mine,from=builder"] }))).toEqual([
      "me/mine@1 own/a@1",
      "me/mine@1 own/b@1",
    ]);
  });

  test("can be asked for by id once it came along", async () => {
    tree(join(directory, "comp"), {
      ...composite("me/comp", "1", ["me/mine@1"]),
      "package.toml": '[buildpack]\nuri = "."\n[[dependencies]]\nuri = "../mine"\n',
    });
    const changes = await resolve({ buildpacks: ["comp", "me/mine"] });
    expect(groups(changes)).toEqual(["me/comp@1 me/mine@1"]);
    expect(changes?.buildpacks.map(({ id }) => id)).toEqual(["me/comp", "me/mine"]);
  });

  test("is a script of a project descriptor", async () => {
    const script = { kind: "inline", id: "me/script", version: "", api: "0.10", script: "echo hi", shell: "" } as const;
    const changes = await resolve({ inline: [script] });
    expect(groups(changes)).toEqual(["me/script@0.0.0"]);
    const build = join(changes?.buildpacks[0]?.directory ?? "", "bin/build");
    expect(readFileSync(build, "utf8")).toBe("#!/bin/sh\n\necho hi\n");
    expect(statSync(build).mode & 0o777).toBe(0o755);
  });

  test("is an extension beside the builder's order", async () => {
    const changes = await resolve({ extensions: ["ext"] });
    expect(groups(changes)).toEqual(["own/a@1", "own/b@1"]);
    expect(changes?.orderExtensions).toEqual([{ group: [{ id: "me/ext", version: "1" }] }]);
  });

  test.each<readonly [string, Wanted, string]>([
    ["an id that the builder does not have", { buildpacks: ["urn:cnb:builder:own/c"] }, "BUILDPACK_NOT_FOUND"],
    ["an id with several versions and none named", { buildpacks: ["own/a"] }, "INVALID_ARGUMENTS"],
    ["two versions of one buildpack", { buildpacks: ["own/a@1", "own/a@2"] }, "INVALID_ARGUMENTS"],
    ["the builder's order before itself", { pre: ["from=builder"] }, "INVALID_ARGUMENTS"],
    ["an extension as a buildpack", { buildpacks: ["ext"] }, "INVALID_BUILDPACK"],
    ["a buildpack as an extension", { extensions: ["mine"] }, "INVALID_BUILDPACK"],
    ["a composite whose parts are nowhere", { buildpacks: ["lonely"] }, "INVALID_ORDER"],
    ["an API that the lifecycle does not speak", { buildpacks: ["newer"] }, "BUILDPACK_API_UNSUPPORTED"],
    ["made for another platform", { buildpacks: ["foreign"] }, "INVALID_BUILDPACK"],
    ["an image that does not exist", { buildpacks: ["docker://nowhere.example/x"] }, "BUILDPACK_NOT_FOUND"],
  ])("is not %s", async (_, wanted, code) => {
    tree(join(directory, "foreign"), component("me/foreign", "1", '[[targets]]\nos = "linux"\narch = "s390x"\n'));
    tree(join(directory, "lonely"), composite("me/lonely", "1", ["own/z@1"]));
    const files = component("me/newer", "1");
    tree(join(directory, "newer"), {
      ...files,
      "buildpack.toml": (files["buildpack.toml"] ?? "").replace("0.10", "0.12"),
    });
    await expect(resolve(wanted)).rejects.toMatchObject({ code });
  });

  test("may name parts that the builder has", async () => {
    tree(join(directory, "uses-own"), composite("me/uses", "1", ["own/b@1"]));
    expect(groups(await resolve({ buildpacks: ["uses-own"] }))).toEqual(["me/uses@1"]);
  });
});

describe("the builder in the sandbox", () => {
  test("has the added buildpacks beside its own, and its unpacked root stays as it was", async () => {
    symlinkSync("/etc", join(rootfs, "cnb/buildpacks/trap"));
    const before = execFileSync("find", [rootfs], { encoding: "utf8" });
    const work = join(directory, "work");
    const additions = await builderAdditions(
      await resolve({ buildpacks: ["mine"], disableSystem: true }),
      join(work, "additions"),
    );
    const mounts = await additionMounts(rootfs, additions, join(work, "collections"));
    expect(mounts.map(({ target }) => target)).toEqual(["/cnb/buildpacks", "/cnb/order.toml", "/cnb/system.toml"]);
    const source = (target: string): string => {
      const mount = mounts.find((one) => one.target === target);
      return mount !== undefined && "source" in mount ? mount.source : "";
    };
    const found = execFileSync("find", [".", "-name", "build"], { cwd: source("/cnb/buildpacks"), encoding: "utf8" });
    expect(found.trim().split("\n").sort()).toEqual([
      "./me_mine/1/bin/build",
      "./own_a/1/bin/build",
      "./own_a/2/bin/build",
      "./own_b/1/bin/build",
    ]);
    expect(lstatSync(join(source("/cnb/buildpacks"), "own_a/1/bin/build")).mode & 0o111).toBe(0o111);
    expect(readFileSync(source("/cnb/order.toml"), "utf8")).toContain('id = "me/mine"');
    expect(readFileSync(source("/cnb/system.toml"), "utf8")).toBe("");
    expect(execFileSync("find", [rootfs], { encoding: "utf8" })).toBe(before);
  });
});

describe("a buildpack at an address", () => {
  const requests: string[] = [];
  const archive = join(directory, "mine.tgz");
  let failures = 0;
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    if (request.url === "/moved.tgz") return response.writeHead(302, { location: "/mine.tgz" }).end();
    if (request.url === "/shaky.tgz" && failures++ === 0) return response.writeHead(503).end();
    if (request.url?.startsWith("/missing.tgz") === true) return response.writeHead(404).end();
    return response.end(readFileSync(archive));
  });
  let base = "";
  beforeAll(async () => {
    execFileSync("tar", ["-czf", archive, "-C", own, "."]);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test.each(["/mine.tgz", "/moved.tgz", "/shaky.tgz"])("%s is fetched", async (path) => {
    expect(groups(await resolve({ buildpacks: [base + path] }))).toEqual(["me/mine@1"]);
  });

  test("that is not there is named without its password", async () => {
    const address = `${base.replace("//", "//me:secret@")}/missing.tgz?token=secret`;
    const error = await resolve({ buildpacks: [address] }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "NOT_FOUND" });
    expect(JSON.stringify([error, String(error)])).not.toContain("secret");
  });
});
