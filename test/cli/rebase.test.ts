import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { diffIds, newBase, oldBase, rebaseSite, recorded } from "./rebase-site.ts";

const at = rebaseSite();
const { name, push, app, published } = at;

describe("the run image of a rebase", () => {
  test("may be another tag of the same repository, which the label then names", async () => {
    const image = await push("app/bump", await app("bump", "run:1", { mirrors: ["mirror.localhost/run:1"] }));
    const run = await push("run:2", newBase);
    await at.line.succeed("rebase", "--publish", image, "--run-image", run);
    const after = await published("app/bump");
    expect((await diffIds(after)).slice(0, 2)).toEqual(await diffIds(newBase));
    expect(await recorded(after)).toEqual({
      topLayer: (await diffIds(newBase))[1],
      reference: `${name("run")}@${(await newBase.manifest()).digest}`,
      image: run,
    });
  });

  test("may be of the repository of a mirror", async () => {
    const image = await push("app/mirror", await app("mirror", "run:1", { mirrors: [name("mirrored/run:1")] }));
    await push("mirrored/run:2", newBase);
    await at.line.succeed("rebase", "--publish", image, "--run-image", name("mirrored/run:2"));
    expect((await recorded(await published("app/mirror")))["image"]).toBe(name("mirrored/run:2"));
  });

  test("of another repository is refused without force, and nothing changes", async () => {
    const before = await app("other");
    const image = await push("app/other", before);
    const run = await push("elsewhere/run:1", newBase);
    const refused = await at.line.run("rebase", "--publish", image, "--run-image", run);
    expect(refused.code).toBe(72);
    expect(refused.stderr).toContain("error NOT_REBASABLE: ");
    expect((await (await published("app/other"))?.manifest())?.digest).toBe((await before.manifest()).digest);
    await at.line.succeed("rebase", "--publish", image, "--run-image", run, "--force");
    expect((await recorded(await published("app/other")))["image"]).toBe(run);
  });

  test("is the registry's when images are published, although an older one is here", async () => {
    const image = await push("app/newest", await app("newest", "moving/run:1"));
    await at.line.local.write(oldBase, [parseReference(name("moving/run:1"))]);
    await push("moving/run:1", newBase);
    await at.line.succeed("rebase", "--publish", image);
    expect((await recorded(await published("app/newest")))["topLayer"]).toBe((await diffIds(newBase))[1]);
  });

  test("is this machine's in the local store, unless --pull-policy says otherwise", async () => {
    const image = name("app/local");
    await at.line.local.write(await app("local", "pulled/run:1"), [parseReference(image)]);
    await at.line.local.write(oldBase, [parseReference(name("pulled/run:1"))]);
    await push("pulled/run:1", newBase);
    const top = async (): Promise<unknown> =>
      (await recorded(await at.line.local.resolve(parseReference(image))))["topLayer"];
    await at.line.succeed("rebase", image, "--output", "local");
    expect(await top()).toBe((await diffIds(oldBase))[1]);
    // The application image is here only: never asks no registry, always would look there first.
    await at.line.succeed("rebase", image, "--run-image", name("pulled/run:1"), "--pull-policy", "never");
    expect(await top()).toBe((await diffIds(oldBase))[1]);
    await push("app/local", await app("local", "pulled/run:1"));
    await push("pulled/run:1", newBase);
    await at.line.succeed("rebase", image, "--pull-policy", "always");
    expect(await top()).toBe((await diffIds(newBase))[1]);
  });
});

describe("--plan", () => {
  test("says what would be done and why, and writes nothing", async () => {
    const image = await push("app/plan", await app("plan", "plan/run:1"));
    const onIt = await push("app/on-it", await app("on-it", "still/run:1"));
    await push("plan/run:1", newBase);
    const strange = await push("app/strange", await app("strange", "plan/other:1"));
    const writes = (): number => at.registry.seen.filter(({ method }) => method !== "GET" && method !== "HEAD").length;
    const before = writes();
    const lines = (await at.line.succeed("rebase", "--publish", "--plan", "--json", image, onIt)).trim().split("\n");
    const plans = new Map(
      lines.map((text) => JSON.parse(text) as { image: string; action: string }).map((plan) => [plan.image, plan]),
    );
    expect(plans.get(image)).toMatchObject({
      action: "rebase",
      layers: { removed: 2, added: 2, kept: 1 },
      from: { image: name("plan/run:1"), topLayer: (await diffIds(oldBase))[1] },
      to: { image: name("plan/run:1"), topLayer: (await diffIds(newBase))[1] },
    });
    expect(plans.get(onIt)?.action).toBe("none");
    const refused = await at.line.succeed("rebase", "--publish", "--plan", strange, "--run-image", name("plan/run:1"));
    expect(refused).toMatch(/^Would refuse to rebase /);
    expect(refused).toContain("not found in existing run image metadata");
    expect(writes()).toBe(before);
  });
});

describe("several images", () => {
  test("are rebased side by side with one look for the run image, in few requests each", async () => {
    const names = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        push(`many/app-${index}`, await app(`x${"y".repeat(index)}`, "many/run:1")),
      ),
    );
    await push("many/run:1", newBase);
    const before = at.registry.seen.length;
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    await at.line.succeed("rebase", "--publish", ...names);
    // They come with the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
    const seen = at.registry.seen.slice(before);
    expect(seen.filter(({ url }) => url.includes("/v2/many/run/manifests/1"))).toHaveLength(1);
    expect(seen.length / names.length).toBeLessThanOrEqual(12);
    for (const one of names) {
      const after = await at.store.resolve(parseReference(one));
      expect((await diffIds(after)).slice(0, 2)).toEqual(await diffIds(newBase));
    }
  });

  test("are all tried, and the one that fails is named", async () => {
    const good = await push("app/good", await app("good", "good/run:1"));
    await push("good/run:1", newBase);
    const ran = await at.line.run("rebase", "--publish", name("app/missing"), good);
    expect(ran.code).toBe(72);
    expect(ran.stderr).toContain(`1 of 2 images failed: ${name("app/missing")}`);
    expect(ran.stdout).toContain(`Rebased ${good}`);
  });

  test("get their reports below their names", async () => {
    const [one, two] = [await push("app/one", await app("one")), await push("app/two", await app("two"))];
    const reports = join(at.line.directory, "reports");
    await at.line.succeed("rebase", "--publish", one, two, "--report-output-dir", reports);
    for (const image of [one, two])
      expect(readFileSync(join(reports, encodeURIComponent(image), "report.toml"), "utf8")).toContain(image);
    await at.line.succeed("rebase", "--publish", one, "--report-output-dir", reports);
    expect(readFileSync(join(reports, "report.toml"), "utf8")).toContain(one);
  });
});

describe("--previous-image", () => {
  test("is what is rebased, and stays as it is", async () => {
    const old = await push("app/previous", await app("previous", "previous/run:1"));
    const digest = (await (await published("app/previous"))?.manifest())?.digest;
    await push("previous/run:1", newBase);
    await at.line.succeed("rebase", "--publish", name("app/next"), "--previous-image", old);
    expect((await (await published("app/previous"))?.manifest())?.digest).toBe(digest);
    expect((await recorded(await published("app/next")))["topLayer"]).toBe((await diffIds(newBase))[1]);
  });

  test("can not become several images", async () => {
    const ran = await at.line.run("rebase", "a", "b", "--previous-image", "c");
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain("--previous-image");
  });
});
