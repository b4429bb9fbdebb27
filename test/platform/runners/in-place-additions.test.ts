import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withAdditions } from "../../../lifecycle/platform/runners/in-place-additions.ts";
import { component, scratch, tree } from "../buildpacks/module-fixture.ts";

const directory = scratch("in-place-additions");
const source = tree(join(directory, "source"), component("a/one", "1.0"));
const target = "/cnb/buildpacks/a_one/1.0";
const order = {
  source: join(tree(join(directory, "made"), { order: "[[order]]\n" }), "order"),
  target: "/cnb/order.toml",
};

test("additions are in the container while the work is done, and gone when it fails", async () => {
  const root = tree(join(directory, "root"), { "cnb/order.toml": "own", "cnb/buildpacks/b/1/buildpack.toml": "" });
  let file = "";
  const work = withAdditions([{ source, target }, order], root, (flags) => {
    file = flags[1] ?? "";
    expect(flags[0]).toBe("-order");
    expect(readFileSync(file, "utf8")).toBe("[[order]]\n");
    expect(readFileSync(join(root, target, "bin/build"), "utf8")).toContain("a/one");
    return Promise.reject(new Error("the phase failed"));
  });
  await expect(work).rejects.toThrow("the phase failed");
  expect(existsSync(file)).toBe(false);
  expect(readdirSync(join(root, "cnb/buildpacks"))).toEqual(["b"]);
  expect(readFileSync(join(root, "cnb/order.toml"), "utf8")).toBe("own");
});

test("a version that the container has is not replaced, and what came before it is taken back", async () => {
  const root = tree(join(directory, "other"), { "cnb/buildpacks/a_one/2.0/buildpack.toml": "own" });
  const replacing = { source, target: "/cnb/buildpacks/a_one/2.0" };
  const work = withAdditions([{ source, target }, replacing], root, () => Promise.resolve());
  await expect(work).rejects.toMatchObject({ code: "INVALID_ARGUMENTS" });
  expect(readdirSync(join(root, "cnb/buildpacks/a_one"))).toEqual(["2.0"]);
  expect(readFileSync(join(root, "cnb/buildpacks/a_one/2.0/buildpack.toml"), "utf8")).toBe("own");
});
