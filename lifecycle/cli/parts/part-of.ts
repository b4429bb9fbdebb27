/** Parts of tspack that lie in files of their own, so that Node compiles little before they start. */
export type Part = "help" | "inspect" | "images" | "config" | "rebase";

const commands: Readonly<Record<string, Part>> = {
  inspect: "inspect",
  "inspect-image": "inspect",
  images: "images",
  config: "config",
  rebase: "rebase",
};

const helpFlags = ["--help", "-h"];

/**
 * The part that does what the arguments say, or undefined for all of tspack. A command has to be the very first word:
 * what stands before one may be anything. Help is for arguments that can ask for nothing else.
 */
export function partOf(argv: readonly string[]): Part | undefined {
  const [first = "help", second] = argv;
  if (argv.length <= 1 && [...helpFlags, "help"].includes(first)) return "help";
  if (first === "complete") return undefined;
  if (argv.length === 2 && second !== undefined) {
    if (first === "help" && /^[a-z]/.test(second)) return "help";
    if (/^[a-z]/.test(first) && helpFlags.includes(second)) return "help";
  }
  return Object.hasOwn(commands, first) ? commands[first] : undefined;
}
