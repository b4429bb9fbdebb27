import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { appImage, runImage } from "../fakes/app-image.ts";
import { startFakeRegistry } from "../fakes/registry.ts";
import { type CommandLine, commandLine, type Ran } from "../fakes/command-line.ts";
import type { FakePackage } from "../platform/debian/fake-archive.ts";
import { packages, stackToml, useFakeStack } from "../platform/stack/fake-stack.ts";

const fake = useFakeStack();
let line: CommandLine;
const stack = (verb: string, ...args: readonly string[]): Promise<Ran> =>
  line.run("stack", verb, join(fake().dir, "stack.toml"), ...args, "--mirror", fake().mirror.url, "--arch", "amd64");

const newer: readonly FakePackage[] = [
  ...packages.map((each) => (each.name === "libc" ? { ...each, version: "2.2" } : each)),
  { name: "early", version: "3" },
].map((each) => (each.name === "compiler" ? { ...each, fields: { Depends: "libc, early" } } : each));

beforeEach(() => {
  line = commandLine();
});
afterEach(() => line.remove());

async function json(ran: Promise<Ran>): Promise<Record<string, unknown>> {
  return JSON.parse((await ran).stdout) as Record<string, unknown>;
}

const expectedChanges = [
  { name: "libc", images: ["run", "build"], from: "2.1", to: "2.2", security: false },
  { name: "compiler", images: ["build"], from: "12", to: "12", security: false },
  { name: "early", images: ["build"], to: "3", security: false },
];

describe("tspack stack lock", () => {
  test("writes the lock that create makes, without any package", async () => {
    const made = join(fake().dir, "made.lock");
    const { code, stdout } = await stack("lock", "--output", made);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^test\.stack amd64 {2}3 packages of 2026-/)]);
    expect(fake().mirror.seen.filter((path) => path.startsWith("pool/"))).toEqual([]);
    expect((await stack("create", "--lock", join(fake().dir, "other.lock"))).code).toBe(0);
    expect(await readFile(join(fake().dir, "other.lock"), "utf8")).toBe(await readFile(made, "utf8"));
  });

  test("the next create takes the versions of the lock", async () => {
    await stack("lock");
    fake().mirror.seen.splice(0);
    expect((await stack("create")).code).toBe(0);
    expect(fake().mirror.seen.filter((path) => path.startsWith("dists/"))).toEqual([]);
  });
});

describe("tspack stack create --publish", () => {
  test("sends bills of materials that refer to the images, and lists them for registries that do not", async () => {
    const registry = await startFakeRegistry();
    const document = (reference: string): Record<string, unknown> => {
      const found = registry.manifests.get(`base ${reference}`);
      return JSON.parse(Buffer.from(found?.bytes ?? "{}").toString()) as Record<string, unknown>;
    };
    const names = ["--run", `${registry.host}/base:run`, "--build", `${registry.host}/base:build`];
    try {
      for (let time = 1; time <= 2; time += 1) {
        const { code, stdout } = await stack("create", ...names, "--publish", "--insecure-registry", registry.host);
        expect(code).toBe(0);
        const digest = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? "";
        const { manifests } = document(digest.replace(":", "-")) as { manifests: Record<string, string>[] };
        const types = ["application/vnd.cyclonedx+json", "application/spdx+json"];
        expect(manifests.map(({ artifactType }) => artifactType)).toEqual(types);
        for (const each of manifests) {
          const artifact = document(each["digest"] ?? "");
          expect(artifact).toMatchObject({ artifactType: each["artifactType"], subject: { digest } });
          const [layer] = artifact["layers"] as { digest: string }[];
          const sbom = Buffer.from(registry.blobs.get(`base ${layer?.digest ?? ""}`) ?? []).toString();
          expect(sbom).toContain("pkg:deb/debian/libc@2.1");
        }
      }
    } finally {
      await registry.close();
    }
  });
});

describe("tspack stack diff", () => {
  test("says that nothing changed, with success", async () => {
    await stack("lock");
    expect(await stack("diff", "--exit-code")).toMatchObject({ code: 0, stdout: "No package changed\n" });
  });

  test("lists what is other and new, and changes neither lock nor images", async () => {
    const lock = join(fake().dir, "own.lock");
    await stack("lock", "--output", lock);
    const before = await readFile(lock, "utf8");
    await fake().publish(newer);
    expect(await json(stack("diff", "--lock", lock, "--json"))).toMatchObject({ changes: expectedChanges });
    const { code, stdout } = await stack("diff", "--lock", lock, "--exit-code");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^3 packages, 0 of them security updates; .*\n {2}run +libc +2\.1 -> 2\.2 /);
    expect(await readFile(lock, "utf8")).toBe(before);
    expect(await line.local.list()).toEqual([]);
  });

  test("marks security updates", async () => {
    const suites = '[{ archive = "debian", name = "bookworm" }, { archive = "security", name = "bookworm" }]';
    const text = stackToml.replace('[{ archive = "debian", name = "bookworm" }]', suites);
    await writeFile(join(fake().dir, "stack.toml"), text);
    const old = fake().mirror.url;
    await line.succeed("stack", "lock", join(fake().dir, "stack.toml"), "--mirror", `${old} security=${old}`);
    await fake().publish(newer, { keepOld: true });
    const mirror = `${old} security=${fake().mirror.url}`;
    const ran = await line.run("stack", "diff", join(fake().dir, "stack.toml"), "--mirror", mirror);
    expect(ran.stdout).toMatch(/libc +2\.1 -> 2\.2 .* security\n/);
  });

  test("a stack without a lock has nothing to compare with", async () => {
    expect(await stack("diff")).toMatchObject({ code: 1, stderr: expect.stringContaining("FILE_NOT_FOUND") as string });
  });
});

describe("tspack stack update", () => {
  test("makes new images and names the applications on an older run image", async () => {
    await stack("create", "--run", "base", "--build", "building");
    const base = await line.local.resolve(parseReference("base"));
    if (base === undefined) throw new Error("no run image");
    await line.local.write(await appImage({ base, runImage: "base" }), [parseReference("shop")]);
    await line.local.write(await appImage({ base: runImage(1), runImage: "elsewhere" }), [parseReference("other")]);
    await fake().publish(newer);
    const names = ["--run", "base", "--build", "building"];
    const updated = await json(stack("update", ...names, "--json"));
    expect(updated).toMatchObject({ changes: expectedChanges, rebase: ["shop:latest"] });
    await line.succeed("rebase", "shop");
    expect(await json(stack("update", ...names, "--json"))).toMatchObject({ changes: [], rebase: [] });
  });

  test("names an application once that is given and in the local store", async () => {
    await stack("create", "--run", "base");
    const base = await line.local.resolve(parseReference("base"));
    if (base === undefined) throw new Error("no run image");
    await line.local.write(await appImage({ base, runImage: "base" }), [parseReference("shop")]);
    await fake().publish(newer);
    expect((await stack("update", "shop", "--run", "base")).stdout).toMatch(/\n {2}tspack rebase shop:latest\n$/);
  });

  test("a lock that can not be read is made anew", async () => {
    const lock = join(fake().dir, "own.lock");
    await stack("lock", "--output", lock);
    await writeFile(lock, (await readFile(lock, "utf8")).replace('"version": 1', '"version": 7'));
    const { code, stderr } = await stack("update", "--lock", lock);
    expect([code, stderr]).toEqual([0, expect.stringContaining("it is made anew") as string]);
    expect((await stack("diff", "--lock", lock)).stdout).toBe("No package changed\n");
  });
});
