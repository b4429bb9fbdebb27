import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TspackError } from "../../../lifecycle/errors.ts";
import { silentLogger } from "../../../lifecycle/logger.ts";
import { parseDockerfile } from "../../../lifecycle/phases/extend/dockerfile.ts";
import { checkDockerfile, type DockerfileEffect } from "../../../lifecycle/phases/generate/check-dockerfile.ts";

const parse = (text: string): readonly (readonly [string, string, number])[] =>
  parseDockerfile(text).instructions.map(({ name, args, line }) => [name, args, line]);

describe("a Dockerfile", () => {
  test("has instructions in any case, with comments and empty lines between them", () => {
    expect(parse("# a comment\nfrom debian:12\n\n  # another\nRun true\n")).toEqual([
      ["FROM", "debian:12", 2],
      ["RUN", "true", 5],
    ]);
  });

  test("goes on after a backslash, over comments and empty lines", () => {
    expect(parse("FROM a\r\nRUN one && \\\r\n# not now\r\n\r\n  two \\  \r\n  three\r\nUSER 1")).toEqual([
      ["FROM", "a", 1],
      ["RUN", "one &&   two   three", 2],
      ["USER", "1", 7],
    ]);
  });

  test("may have another escape character, and then a backslash is none", () => {
    const { escape, instructions } = parseDockerfile("# syntax=x\n# escape=`\nFROM a\nRUN dir C:\\\nRUN `\n b");
    expect(escape).toBe("`");
    expect(instructions.map(({ args }) => args)).toEqual(["a", "dir C:\\", "b"]);
  });

  test("has here-documents whose lines are no instructions", () => {
    expect(parse("FROM a\nRUN <<EOF cat <<-'X Y' <<-Z\nFROM b\nEOF\n\tUSER 0\n\tZ\nUSER 1")).toEqual([
      ["FROM", "a", 1],
      ["RUN", "<<EOF cat <<-'X Y' <<-Z", 2],
      ["USER", "1", 7],
    ]);
  });

  test.each([
    ["# nothing\n", "file with no instructions"],
    ["FROM a\nINSTALL curl\n", "dockerfile parse error on line 2: unknown instruction: INSTALL"],
    ["FROM a\nRUN <<EOF\ntrue\n", "dockerfile parse error on line 2: unterminated heredoc"],
    ["# escape=x\nFROM a\n", "invalid escape token 'x' does not match ` or \\"],
  ])("%j is refused", (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "INVALID_DOCKERFILE", message }));
  });
});

test("whatever text it is, a Dockerfile is read or refused as one", () => {
  const parts = fc.constantFrom(
    "FROM ",
    "${base_image}",
    "RUN ",
    "<<EOF",
    "EOF",
    "\\",
    "\n",
    "#",
    "escape=`",
    "`",
    '"',
    "x",
    "\t",
    "\0",
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(parts, { maxLength: 30 }).map((words) => words.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const { instructions } = parseDockerfile(text);
        expect(instructions.every(({ line }) => line >= 1 && line <= text.split("\n").length)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(TspackError);
        expect(error).toMatchObject({ code: "INVALID_DOCKERFILE" });
      }
    }),
    { numRuns: 500 },
  );
});

const effect = (kind: "build" | "run", text: string): DockerfileEffect =>
  checkDockerfile(parseDockerfile(text), kind, silentLogger);

describe("a Dockerfile of an extension", () => {
  test.each([
    ["FROM ${base_image}\nRUN true", { newBase: undefined, extend: true }],
    ["ARG base_image\nFROM ${base_image}", { newBase: undefined, extend: false }],
    ["FROM --platform=linux/amd64 other/run:1 AS base", { newBase: "other/run:1", extend: false }],
    ["ARG base_image=x\nFROM other\nUSER 1", { newBase: "other", extend: true }],
  ])("for the run image: %j", (text, expected) => {
    expect(effect("run", text)).toEqual(expected);
  });

  test("for the build image extends what is there", () => {
    expect(effect("build", "ARG base_image=a\nFROM ${base_image}\nUSER root")).toEqual({
      newBase: undefined,
      extend: true,
    });
  });

  test.each([
    ["run", "FROM a\nFROM b", "run.Dockerfile is not permitted to use multistage build"],
    ["run", "ARG base_image", "run.Dockerfile should have at least one stage"],
    ["run", "RUN true\nFROM a", "dockerfile parse error on line 1: no build stage in current context"],
    ["run", "FROM a b", "dockerfile parse error on line 1: FROM requires either one or three arguments"],
    ["run", "FROM $base_image", "run.Dockerfile has FROM $base_image"],
    [
      "build",
      "ARG base_image\nFROM ${base_image}\nFROM b",
      "build.Dockerfile is not permitted to use multistage build",
    ],
    ["build", "FROM ${base_image}", "build.Dockerfile did not start with required ARG command"],
    ["build", "ARG other\nFROM ${base_image}", "build.Dockerfile did not start with required ARG command"],
    ["build", "ARG base_image\nARG b\nFROM ${base_image}", "build.Dockerfile did not start with required ARG command"],
    ["build", "ARG base_image\nFROM debian", "build.Dockerfile did not contain required FROM ${base_image} command"],
  ] as const)("for the %s image is refused: %j", (kind, text, message) => {
    expect(() => effect(kind, text)).toThrow(expect.objectContaining({ code: "INVALID_DOCKERFILE", message }));
  });

  test("is warned about for instructions that are not recommended", () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (line: string) => void warnings.push(line) };
    checkDockerfile(parseDockerfile("FROM a\nENV A=b\nEXPOSE 80"), "run", logger);
    expect(warnings).toEqual(["run.Dockerfile command EXPOSE on line 3 is not recommended"]);
  });
});
