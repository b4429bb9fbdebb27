import { describe, expect, test } from "vitest";
import { elfNeeds } from "../../lifecycle/distribution/elf.ts";
import { librariesFor, librariesIn } from "../../lifecycle/distribution/libraries.ts";
import { elfFile } from "./elf-file.ts";

const node = {
  name: "node",
  content: elfFile({ interpreter: "/lib64/ld-linux-x86-64.so.2", needed: ["libc.so.6", "libm.so.6"] }),
};
const loader = { name: "ld-linux-x86-64.so.2", content: elfFile({}) };
const libc = { name: "libc.so.6", content: elfFile({ needed: ["ld-linux-x86-64.so.2"] }) };
const libm = { name: "libm.so.6", content: elfFile({ needed: ["libc.so.6"] }) };

describe("what a program needs", () => {
  test("the loader's name and the needed libraries are read", () => {
    expect(elfNeeds(node)).toEqual({ arch: "amd64", libraries: ["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6"] });
  });

  test("the Node program that runs this needs a loader and a C library", () => {
    const needs = elfNeeds({ name: "node", path: process.execPath }).libraries;
    expect(needs).toContainEqual(expect.stringMatching(/^(ld-linux|ld-musl|libc\.)/));
  });

  test("a file that is no ELF is refused", () => {
    expect(() => elfNeeds({ name: "x", content: Buffer.from("#!/bin/sh\n") })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENTS" }) as Error,
    );
  });
});

const withoutLibraries = (): unknown => librariesFor(node, [loader], "amd64");

describe("the libraries of a distribution", () => {
  test("those that libraries need in turn are taken, the others are not", () => {
    const spare = { name: "libspare.so.1", content: elfFile({}) };
    const names = librariesFor(node, [spare, libm, libc, loader], "amd64").map((each) => each.name);
    expect(names).toEqual(["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6"]);
  });

  test("all that are missing are named at once", () => {
    expect(withoutLibraries).toThrow(expect.objectContaining({ code: "PACKAGE_NOT_FOUND" }) as Error);
    expect(withoutLibraries).toThrow(/libc\.so\.6 .*libm\.so\.6/);
  });

  test("another processor's files are refused", () => {
    expect(() => librariesFor(node, [loader, libc, libm], "arm64")).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENTS" }) as Error,
    );
  });

  test("packages give files by the name that programs ask for, through links", () => {
    const real = Buffer.from("real");
    const found = librariesIn([
      { path: "lib/x86_64-linux-gnu/libc.so.6", type: "file", content: Buffer.from("c") },
      { path: "lib64/ld-linux-x86-64.so.2", type: "symlink", linkname: "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" },
      { path: "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", type: "file", content: Buffer.from("ld") },
      { path: "usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", type: "file", content: real },
      { path: "usr/lib/x86_64-linux-gnu/libstdc++.so.6", type: "symlink", linkname: "libstdc++.so.6.0.30" },
      { path: "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so", type: "file", content: Buffer.from("plugin") },
      { path: "usr/share/doc/libc6/copyright", type: "file", content: Buffer.from("text") },
    ]);
    const byName = new Map(found.map((each) => [each.name, Buffer.from(each.content ?? []).toString()]));
    expect(byName.get("libstdc++.so.6")).toBe("real");
    expect(byName.get("ld-linux-x86-64.so.2")).toBe("ld");
    expect(byName.has("UTF-16.so")).toBe(false);
    expect(byName.has("copyright")).toBe(false);
  });
});
