import type { ErrorCode } from "../../lifecycle/errors.ts";

/** A wrong value or combination, and what tspack says about it. */
export interface BadInput {
  /** The option or argument that it is about: `--cache`, `<image>`. */
  readonly of: string;
  /** What is wrong. */
  readonly what: string;
  /** What follows the command. */
  readonly args: readonly string[];
  /** The error's code; `usage`: the command line itself can not be read, exit 2. */
  readonly code: ErrorCode | "usage";
  /** What the message has to say besides the code. */
  readonly says: string | RegExp;
}

/** A row of a table of bad inputs, in the order of `BadInput`. */
export type Row = readonly [
  of: string,
  what: string,
  args: readonly string[],
  code: BadInput["code"],
  says: BadInput["says"],
];

/** Bad inputs of one command, from rows. */
export function rows(...table: readonly Row[]): readonly BadInput[] {
  return table.map(([of, what, args, code, says]) => ({ of, what, args, code, says }));
}

/** Rows for an option that names images, on a command that is otherwise right. */
export function imageRows(option: string, before: readonly string[], after: readonly string[] = []): readonly Row[] {
  return [
    [option, "upper case", [...before, option, "Base", ...after], "INVALID_REFERENCE", option],
    [option, "empty", [...before, option, "", ...after], "INVALID_REFERENCE", option],
  ];
}

/** Rows for the argument of a command that names an image. */
export function nameRows(after: readonly string[] = []): readonly Row[] {
  return [
    ["<image>", "upper case", ["Hello", ...after], "INVALID_REFERENCE", /expected .*lower/i],
    ["<image>", "a tag that is none", ["hello:a b", ...after], "INVALID_REFERENCE", "expected"],
    ["<image>", "a digest that is none", ["hello@sha256:12", ...after], "INVALID_REFERENCE", "expected"],
  ];
}

/** Rows for `--insecure-registry`, which every command has. */
export function insecureRows(args: readonly string[]): readonly Row[] {
  return [
    [
      "--insecure-registry",
      "an address instead of a host",
      ["--insecure-registry", "http://registry.example.com", ...args],
      "INVALID_ARGUMENTS",
      /--insecure-registry .*expected HOST/,
    ],
  ];
}

/** An option that names a buildpack registry. */
export function indexRow(option: string, args: readonly string[]): Row {
  return [option, "not known", [...args, option, "theirs"], "INVALID_ARGUMENTS", "config registries add"];
}
