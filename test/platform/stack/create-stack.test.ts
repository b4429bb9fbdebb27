import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createStack, type Stack } from "../../../lifecycle/platform/stack/create-stack.ts";
import type { FakePackage } from "../debian/fake-archive.ts";
import { layersOf, packages, stackToml, useFakeStack } from "./fake-stack.ts";

const fake = useFakeStack();
const create = (): Promise<Stack> => createStack(fake().inputs());

async function createWith(extra: FakePackage): Promise<Stack> {
  const text = stackToml.replace('run = ["base"]', `run = ["base", "${extra.name}"]`);
  await writeFile(join(fake().dir, "stack.toml"), text);
  await fake().publish([...packages, extra]);
  return create();
}

function purls(cyclonedx: string): readonly unknown[] {
  return (JSON.parse(cyclonedx) as { components: { purl: string }[] }).components.map((each) => each.purl);
}

describe("the layers of a stack", () => {
  test("the build image is the run image with one more layer", async () => {
    const stack = await create();
    const [run, build] = await Promise.all([stack.run.config(), stack.build.config()]);
    expect(build.value.rootfs.diff_ids[0]).toBe(run.value.rootfs.diff_ids[0]);
    expect(run.value.rootfs.diff_ids).toHaveLength(1);
    expect(build.value.rootfs.diff_ids).toHaveLength(2);
  });

  test("files of merged directories are where the links point, and the links are there", async () => {
    const [run] = await layersOf((await create()).run);
    expect(run?.get("bin")?.header).toMatchObject({ type: "symlink", linkname: "usr/bin" });
    expect(run?.get("lib64")?.header).toMatchObject({ type: "symlink", linkname: "usr/lib64" });
    expect(run?.get("usr/lib/x/libc.so.6")?.text).toBe("ELF");
    expect(run?.get("usr/bin/mawk")?.header.mode).toBe(0o755);
    expect([...(run?.keys() ?? [])].filter((path) => /^(bin|lib|lib64)\//.test(path))).toEqual([]);
  });

  test("every entry comes after its directory", async () => {
    for (const layer of await layersOf((await create()).run)) {
      const seen = new Set<string>();
      for (const path of layer.keys()) {
        const parent = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
        expect(parent === "" || seen.has(parent) ? "" : path).toBe("");
        seen.add(path);
      }
    }
  });

  test("does what maintainer scripts would do: accounts, certificates, copies, alternatives", async () => {
    const [run, build] = await layersOf((await create()).build);
    expect(run?.get("etc/passwd")?.text).toBe("root:x:0:0:root:/root:/bin/bash\ncnb:x:1000:1000::/home/cnb:/bin/sh\n");
    expect(run?.get("etc/group")?.text).toBe("root:x:0:\nshadow:x:42:\ncnb:x:1000:\n");
    expect(run?.get("etc/shadow")).toMatchObject({ header: { mode: 0o640, gid: 42 } });
    expect(run?.get("etc/shadow")?.text).toContain("cnb:*:");
    expect(run?.get("home/cnb")?.header).toMatchObject({ type: "directory", uid: 1000, gid: 1000 });
    expect(run?.get("etc/ssl/certs/ca-certificates.crt")?.text).toBe("AAA\nBBB\n");
    expect(run?.get("etc/ssl/certs/A.pem")?.header.linkname).toBe("/usr/share/ca-certificates/mozilla/A.crt");
    expect(run?.get("etc/profile")?.text).toBe("PS1=x\n");
    expect(run?.get("etc/timezone")?.text).toBe("Etc/UTC\n");
    expect(run?.get("var/mail")?.header).toMatchObject({ mode: 0o2775, gid: 8 });
    expect(run?.get("usr/bin/awk")?.header.linkname).toBe("/etc/alternatives/awk");
    expect(run?.get("etc/alternatives/awk")?.header.linkname).toBe("/usr/bin/mawk");
    expect(run?.has("usr/bin/cc")).toBe(false);
    expect(build?.get("etc/alternatives/cc")?.header.linkname).toBe("/usr/bin/gcc");
  });

  test("drops what the stack declares, and keeps licences and the state of packages", async () => {
    const [run, build] = await layersOf((await create()).build);
    expect(run?.has("usr/share/doc/base/README")).toBe(false);
    expect(run?.get("usr/share/doc/base/copyright")?.text).toBe("kept");
    expect(run?.get("var/lib/dpkg/status.d/libc")?.text).toMatch(
      /^Package: libc\nStatus: install ok installed\nVersion: 2\.1\n/,
    );
    expect(run?.has("var/lib/dpkg/status.d/libc.md5sums")).toBe(true);
    expect(build?.has("var/lib/dpkg/status.d/compiler")).toBe(true);
  });

  test("all times are the fixed one", async () => {
    const [run] = await layersOf((await create()).run);
    const times = new Set([...(run?.values() ?? [])].map((each) => each.header.mtime?.getTime()));
    expect([...times]).toEqual([Date.parse("1980-01-01T00:00:01Z")]);
  });

  test("the config has user, labels, and the numbers of the user for the build", async () => {
    const stack = await create();
    const [run, build] = await Promise.all([stack.run.config(), stack.build.config()]);
    expect(run.value).toMatchObject({ os: "linux", architecture: "amd64", created: "1980-01-01T00:00:01Z" });
    expect(run.value.config).toMatchObject({ User: "1000:1000", Env: ["PATH=/usr/bin:/bin"] });
    expect(run.value.config?.Labels).toMatchObject({
      "io.buildpacks.base.id": "test.stack",
      "io.buildpacks.base.distro.name": "debian",
      "io.buildpacks.base.distro.version": "12",
      "io.buildpacks.base.released": "2026-07-11T10:16:37Z",
      "io.buildpacks.stack.id": "test.stack",
    });
    expect(build.value.config?.Env).toEqual(expect.arrayContaining(["CNB_USER_ID=1000", "CNB_GROUP_ID=1000"]));
  });

  test("the bills of materials name every package of their image, and the source that advisories are about", async () => {
    const { sbom } = await create();
    expect(purls(sbom.run.cyclonedx)).toEqual([
      "pkg:deb/debian/base@1?arch=amd64&distro=debian-12",
      "pkg:deb/debian/libc@2.1?arch=amd64&distro=debian-12&upstream=glibc%402.0",
    ]);
    expect(purls(sbom.build.cyclonedx)).toHaveLength(3);
    expect(JSON.parse(sbom.build.spdx)).toMatchObject({ spdxVersion: "SPDX-2.3", packages: { length: 3 } });
    expect(JSON.parse(sbom.run.spdx)).toMatchObject({ packages: [{}, { sourceInfo: "built from glibc 2.0" }] });
  });
});

describe("a stack with another one's build image", () => {
  async function createSlim(): Promise<Stack> {
    const text = stackToml
      .replace("test.stack", "test.slim")
      .replace('build = ["compiler"]', 'build-of = "stack.toml"');
    await writeFile(join(fake().dir, "slim.toml"), text.replace('drop = ["', 'drop = ["/usr/bin/*", "'));
    return createStack({ ...fake().inputs(), stackFile: join(fake().dir, "slim.toml") });
  }

  test("has its own run image, and that build image with what its run image lacks, each with its lock", async () => {
    const whole = await createStack({ ...fake().inputs({ cache: "other" }), lockFile: undefined });
    const slim = await createSlim();
    const layers = async ({ build }: Stack): Promise<readonly string[]> =>
      (await build.layers()).map(({ diffId }) => diffId);
    expect((await layers(slim)).slice(0, -1)).toEqual(await layers(whole));
    const list = (await layersOf(slim.build)).at(-1);
    expect([...(list?.keys() ?? [])]).toEqual(["var/lib/dpkg/build-packages"]);
    expect(list?.get("var/lib/dpkg/build-packages")?.text).toBe("compiler\n");
    expect((await slim.run.config()).value.config?.Labels?.["io.buildpacks.base.id"]).toBe("test.slim");
    const [run] = await layersOf(slim.run);
    expect([run?.has("usr/bin/mawk"), run?.has("usr/lib/x/libc.so.6")]).toEqual([false, true]);
    expect([slim.lock, slim.buildLock].map((lock) => [lock.stack, lock.packages.length])).toEqual([
      ["test.slim", 2],
      ["test.stack", 3],
    ]);
    expect(purls(slim.sbom.build.cyclonedx)).toHaveLength(3);
  });

  test("takes both from their locks the next time", async () => {
    await createSlim();
    fake().mirror.seen.splice(0);
    await createSlim();
    expect(fake().mirror.seen).toEqual([]);
  });

  test.each([
    ["packages of its own for it", 'build = ["compiler"]\nbuild-of = "stack.toml"'],
    ["neither", ""],
    ["a stack that has none", 'build-of = "slim.toml"'],
  ])("is refused with %s", async (_what, lines) => {
    await writeFile(join(fake().dir, "slim.toml"), stackToml.replace('build = ["compiler"]', lines));
    const inputs = { ...fake().inputs(), stackFile: join(fake().dir, "slim.toml") };
    await expect(createStack(inputs)).rejects.toMatchObject({ code: "INVALID_STACK" });
  });
});

describe("packages that do not go together", () => {
  test("two packages with the same file are refused", async () => {
    const files = { "usr/share/base/profile": "mine" };
    await expect(createWith({ name: "other", version: "1", files })).rejects.toMatchObject({
      code: "INVALID_STACK",
      message: expect.stringMatching(/base.*other/) as string,
    });
  });

  test("a file below another package's symlink is refused", async () => {
    const files = { "srv/link": { type: "symlink", linkname: "/etc" } as const };
    await createWith({ name: "aaa", version: "1", files });
    const below = { ...files, "srv/link/passwd": "x" };
    await expect(createWith({ name: "bbb", version: "1", files: below })).rejects.toMatchObject({
      code: "INVALID_STACK",
    });
  });

  test("a compatibility link between merged directories is left out", async () => {
    const files = { "usr/bin/tool": "tool", "bin/tool": { type: "symlink", linkname: "/usr/bin/tool" } as const };
    const [run] = await layersOf((await createWith({ name: "tool", version: "1", files })).run);
    expect(run?.get("usr/bin/tool")?.text).toBe("tool");
  });
});
