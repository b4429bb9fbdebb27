import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGlob } from "../../lifecycle/layers/glob.ts";
import { divide } from "../../lifecycle/layers/slices.ts";
import { byteString } from "../../lifecycle/oci/tar/byte-string.ts";

function divided(paths: readonly string[], slices: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const entries = ["", ...paths].map((path) => ({ path: byteString(path) }));
  return divide(
    entries,
    slices.map((globs) => globs.map(compileGlob)),
  ).map((layer) => layer.map(({ path }) => path));
}

describe("dividing the application", () => {
  it("sorts by the bytes of the whole path", () => {
    expect(divided(["a", "a/x", "a-b", "a.b", "a0"], [])).toEqual([["", "a", "a-b", "a.b", "a/x", "a0"]]);
  });

  it("gives a path to the first slice that matches, and repeats its parents", () => {
    const layers = divided(["dir", "dir/a", "dir/b", "top"], [["dir/a"], ["dir/*"]]);
    expect(layers).toEqual([
      ["", "dir", "dir/a"],
      ["", "dir", "dir/b"],
      ["", "top"],
    ]);
  });

  it("leaves nothing for the last layer when all was taken", () => {
    expect(divided(["only"], [["only"]])).toEqual([["", "only"], []]);
  });

  const tree = fc
    .uniqueArray(fc.array(fc.constantFrom("a", "b", "c-d", "e"), { minLength: 1, maxLength: 4 }), {
      selector: (parts) => parts.join("/"),
      maxLength: 12,
    })
    .map((leaves) => {
      const paths = leaves.flatMap((parts) => parts.map((_, index) => parts.slice(0, index + 1).join("/")));
      return [...new Set(paths)];
    });
  const globs = fc.array(fc.array(fc.constantFrom("*", "a", "a/*", "*/b", "*/*/e", "c-d", "a/b/a"), { maxLength: 2 }), {
    maxLength: 3,
  });

  it("puts every path into a layer, directories before their content, and files into one only", () => {
    fc.assert(
      fc.property(tree, globs, (paths, slices) => {
        const layers = divided(paths, slices);
        expect(layers).toHaveLength(slices.length + 1);
        expect(new Set(layers.flat())).toEqual(new Set(["", ...paths]));
        const files = paths.filter((path) => !paths.some((other) => other.startsWith(`${path}/`)));
        for (const file of files) expect(layers.flat().filter((path) => path === file)).toHaveLength(1);
        for (const layer of layers) expect(layer).toEqual([...layer].sort());
      }),
    );
  });
});
