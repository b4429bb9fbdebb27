import type { Context } from "../../context.ts";
import { InputError } from "../../errors.ts";
import { copyApplication, type IncludePath } from "./application.ts";
import { ignoredByGit } from "./secret-names.ts";

/** What of which directory is the application. */
export interface ApplicationInputs {
  readonly appDir: string;
  readonly include: IncludePath;
  /** Whether the project descriptor leaves out anything. */
  readonly selects: boolean;
  /** Directories and files of tspack itself, which are no part of any application. */
  readonly withheld: readonly string[];
}

/**
 * Copies the application to where buildpacks work; in place it is there already. Warns of secrets
 * that git would have left out. Throws what `copyApplication` throws.
 */
export async function bringApplication(inputs: ApplicationInputs, target: string, ctx: Context): Promise<void> {
  const { appDir, include, selects, withheld } = inputs;
  if (appDir === target) {
    if (selects) throw canNotLeaveOut(appDir);
    return;
  }
  const { secretLike } = await copyApplication(appDir, target, include, ctx, withheld);
  if (selects) return;
  const secrets = await ignoredByGit(appDir, secretLike);
  if (secrets.length === 0) return;
  const more = secrets.length > 5 ? ` and ${secrets.length - 5} more` : "";
  ctx.logger.warn(
    `${secrets.slice(0, 5).join(", ")}${more}: .gitignore has no effect on builds, so buildpacks and the image get them; leave them out with exclude of [io.buildpacks] in project.toml`,
  );
}

function canNotLeaveOut(appDir: string): InputError {
  const issue = { source: "project.toml", path: "", expected: "neither include nor exclude", got: "one of them" };
  return new InputError(
    "INVALID_ARGUMENTS",
    `files can not be left out of ${appDir}, as it is built where it is`,
    [issue],
    {
      hint: "give --path another directory, which is then copied; or remove the files",
    },
  );
}
