import type { Session } from "./session.ts";

/** Says what the reference says of `-parallel` when there is one thing to export only. */
export function warnOfParallel({ options, ctx }: Session): void {
  if (options.parallel && options.cacheImage === "" && options.cacheDir === "") {
    ctx.logger.warn(
      "Parallel export has been enabled, but it has not taken effect because no cache has been specified.",
    );
  }
}
