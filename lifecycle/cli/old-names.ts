import type { Write } from "./console.ts";

/**
 * Commands as older versions of pack had them, which scripts still use, with what they are called now. They are
 * rewritten before anything is parsed, so that options, help and exit codes are those of the new name.
 */
export const oldNames: Readonly<Record<string, readonly string[]>> = {
  "add-registry": ["config", "registries", "add"],
  "create-builder": ["builder", "create"],
  "inspect-builder": ["builder", "inspect"],
  "inspect-buildpack": ["buildpack", "inspect"],
  "inspect-extension": ["extension", "inspect"],
  "list-registries": ["config", "registries", "list"],
  "list-trusted-builders": ["config", "trusted-builders", "list"],
  "package-buildpack": ["buildpack", "package"],
  "register-buildpack": ["buildpack", "register"],
  "remove-registry": ["config", "registries", "remove"],
  "set-default-builder": ["config", "default-builder"],
  "set-default-registry": ["config", "registries", "default"],
  "set-run-image-mirrors": ["config", "run-image-mirrors", "set"],
  "suggest-builders": ["builder", "suggest"],
  "trust-builder": ["config", "trusted-builders", "add"],
  "untrust-builder": ["config", "trusted-builders", "remove"],
  "yank-buildpack": ["buildpack", "yank"],
};

/** Arguments with the new name of their command; `warn` is told when the old one was given. */
export function withNewName(argv: readonly string[], warn: (old: string, now: string) => void): readonly string[] {
  // What stands before a command are switches without values; `help COMMAND` names one, too.
  const at = argv.findIndex((word) => !word.startsWith("-") && word !== "help");
  const old = argv[at] ?? "";
  if (!Object.hasOwn(oldNames, old)) return argv;
  const now = oldNames[old] ?? [];
  warn(old, now.join(" "));
  return [...argv.slice(0, at), ...now, ...argv.slice(at + 1)];
}

/** Says on standard error what a command is called now, unless nothing but errors is to be said. */
export function warnOfOldName(program: string, argv: readonly string[], stderr: Write) {
  const isQuiet = argv.includes("-q") || argv.includes("--quiet");
  return (old: string, now: string): void => {
    if (!isQuiet) stderr(`Warning: ${program} ${old} is an old name; it is now ${program} ${now}\n`);
  };
}
