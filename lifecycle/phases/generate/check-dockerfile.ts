import type { Logger } from "../../logger.ts";
import { type Dockerfile, type Instruction, invalid } from "../extend/dockerfile.ts";
import type { ImageKind } from "../extend/generated-files.ts";

/** What a Dockerfile does to its image. */
export interface DockerfileEffect {
  /** Another image to begin with; undefined: the one that was there. */
  readonly newBase: string | undefined;
  /** Whether anything follows `FROM`. */
  readonly extend: boolean;
}

const recommended: readonly string[] = [
  "FROM",
  "ADD",
  "ARG",
  "COPY",
  "ENV",
  "LABEL",
  "RUN",
  "SHELL",
  "USER",
  "WORKDIR",
];
const givenBase = "${base_image}";

/**
 * Checks a Dockerfile of an extension. Throws `INVALID_DOCKERFILE`; instructions that are not
 * recommended are warned about. Image extension specification, "Dockerfile Requirements".
 */
export function checkDockerfile({ instructions }: Dockerfile, kind: ImageKind, logger: Logger): DockerfileEffect {
  const file = `${kind}.Dockerfile`;
  const froms = instructions.filter(({ name }) => name === "FROM");
  const [from] = froms;
  if (froms.length > 1) throw invalid(`${file} is not permitted to use multistage build`);
  const start = from === undefined ? instructions.length : instructions.indexOf(from);
  const before = instructions.slice(0, start);
  const misplaced = before.find(({ name }) => name !== "ARG");
  if (misplaced !== undefined) {
    throw invalid(`dockerfile parse error on line ${misplaced.line}: no build stage in current context`);
  }
  const after = instructions.slice(start + 1);
  for (const { name, line } of after) {
    if (!recommended.includes(name)) logger.warn(`${file} command ${name} on line ${line} is not recommended`);
  }
  if (kind === "build") requireBaseArgument(before);
  if (from === undefined) throw invalid(`${file} should have at least one stage`);
  const base = baseOf(from);
  if (base === givenBase) return { newBase: undefined, extend: after.length > 0 };
  if (kind === "build") {
    throw invalid("build.Dockerfile did not contain required FROM ${base_image} command", startHint);
  }
  if (base.includes("$")) {
    throw invalid(`run.Dockerfile has FROM ${base}`, "FROM takes the name of an image, or ${base_image} as it is here");
  }
  return { newBase: base, extend: after.length > 0 };
}

const startHint = "a build.Dockerfile starts with ARG base_image and FROM ${base_image}";

function requireBaseArgument(before: readonly Instruction[]): void {
  const [arg, ...others] = before;
  if (others.length > 0 || arg === undefined || !/^base_image(=|\s|$)/.test(arg.args)) {
    throw invalid("build.Dockerfile did not start with required ARG command", startHint);
  }
}

/** The image that `FROM` names, without its flags and the name of the stage. */
function baseOf({ args, line }: Instruction): string {
  const words = args.split(/\s+/).filter((word) => !word.startsWith("--"));
  const [base = "", as = "AS"] = words;
  if (base === "" || words.length === 2 || words.length > 3 || as.toUpperCase() !== "AS") {
    throw invalid(`dockerfile parse error on line ${line}: FROM requires either one or three arguments`);
  }
  return base;
}
