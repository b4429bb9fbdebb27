import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createStack, type Stack } from "../../../lifecycle/platform/stack/create-stack.ts";
import { makeDeb } from "../debian/fake-archive.ts";
import { digestsOf, packages, stackToml, useFakeStack, type FakeStack } from "./fake-stack.ts";

const fake = useFakeStack();
const create = (options?: Parameters<FakeStack["inputs"]>[0]): Promise<Stack> => createStack(fake().inputs(options));
const lockText = (): Promise<string> => readFile(join(fake().dir, "stack.lock"), "utf8");

describe("stack.lock", () => {
  test("the same lock gives the same digests, with another cache", async () => {
    const first = await create();
    const lock = await lockText();
    const second = await create({ cache: "other" });
    expect(await digestsOf(second)).toEqual(await digestsOf(first));
    expect(await lockText()).toBe(lock);
  });

  test("a locked stack asks for packages only, and a cached one for nothing", async () => {
    await create();
    fake().mirror.seen.splice(0);
    await create({ cache: "other" });
    expect(fake().mirror.seen.filter((path) => path.startsWith("dists/"))).toEqual([]);
    fake().mirror.seen.splice(0);
    await create({ cache: "other" });
    expect(fake().mirror.seen).toEqual([]);
  });

  test("with lock and downloads a stack is made without network", async () => {
    const first = await create();
    await fake().mirror.close();
    expect(await digestsOf(await create())).toEqual(await digestsOf(first));
  });

  test("umask, time zone and day have no part in the digests", async () => {
    const first = await create();
    const zone = process.env["TZ"];
    const mask = process.umask(0o077);
    process.env["TZ"] = "Pacific/Kiritimati";
    try {
      const inputs = fake().inputs({ cache: "other" });
      const later = new Date(Date.now() + 32 * 86_400_000);
      const second = await createStack({ ...inputs, ctx: { ...inputs.ctx, clock: () => later } });
      expect(await digestsOf(second)).toEqual(await digestsOf(first));
    } finally {
      process.umask(mask);
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });

  test("layers that are in the blob cache are not packed again", async () => {
    const shared = fake().inputs();
    const first = await createStack(shared);
    await rm(join(fake().dir, "cache", "debian"), { recursive: true });
    fake().mirror.files.clear();
    expect(await digestsOf(await createStack(shared))).toEqual(await digestsOf(first));
  });

  test("a version that the mirror no longer has is an error that says how to go on", async () => {
    await create();
    const deb = await makeDeb({ name: "libc", version: "2.1" });
    fake().mirror.files.delete(deb.path);
    await expect(create({ cache: "other" })).rejects.toMatchObject({
      code: "PACKAGE_NOT_FOUND",
      message: expect.stringContaining("libc 2.1") as string,
      hint: expect.stringContaining("tspack stack create --update") as string,
    });
  });

  test("a package with other bytes than the lock's is refused", async () => {
    await create();
    const { path } = await makeDeb({ name: "libc", version: "2.1" });
    fake().mirror.files.set(path, Buffer.alloc(fake().mirror.files.get(path)?.length ?? 0));
    await expect(create({ cache: "other" })).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  test("an update takes the versions of the archive and writes the lock anew", async () => {
    await create();
    const newer = packages.map((each) => (each.name === "libc" ? { ...each, version: "2.2" } : each));
    await fake().publish(newer);
    const { lock } = await create({ update: true });
    expect(lock.packages.find((each) => each.name === "libc")?.version).toBe("2.2");
    expect(await lockText()).toContain('"version":"2.2"');
  });

  test("a lock of another list of packages is refused", async () => {
    await create();
    await writeFile(join(fake().dir, "stack.toml"), stackToml.replace('build = ["compiler"]', 'build = ["libc"]'));
    await expect(create()).rejects.toMatchObject({ code: "INVALID_STACK" });
  });

  test("a damaged lock is refused with every field that is wrong", async () => {
    await create();
    const text = await lockText();
    const damaged = text.replace(/"sha256":"[0-9a-f]{64}"/, '"sha256":"x"').replace(/"path":"/, '"path":"../');
    await writeFile(join(fake().dir, "stack.lock"), damaged);
    await expect(create()).rejects.toMatchObject({
      code: "INVALID_STACK",
      issues: [{ path: "packages[0].sha256" }, { path: "packages[0].path" }],
    });
  });
});
