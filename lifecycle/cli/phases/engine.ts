import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TspackError } from "../../errors.ts";
import type { EngineStore } from "../../stores/engine/engine-store.ts";
import { openEngine } from "../engine-access.ts";
import type { Session } from "./session.ts";

/** Whether the app image, its previous one and the run image are in a container engine. */
export function usesEngine({ options }: Session): boolean {
  return options.daemon && !options.layout;
}

/**
 * The images of the container engine. Its socket often is root's, so it is connected before
 * root becomes the builder's user. Throws `INVALID_ENV`, `ENGINE_UNREACHABLE`.
 */
export async function openEngineStore({ env, ctx }: Session): Promise<EngineStore> {
  const engine = openEngine(env, ctx.signal);
  try {
    await engine.keepOpen();
  } catch (cause) {
    if (!(cause instanceof TspackError) || cause.code === "CANCELED") throw cause;
    const message = `failed to initialize docker client: ${cause.message}`;
    throw new TspackError(cause.code, message, { cause, hint: cause.hint });
  }
  const { engineStore } = await import("../../stores/engine/engine-store.ts");
  return engineStore({ engine, directory: untilTheEnd() });
}

/** A private directory that is made when it is asked for, by the user that the phase then runs as. */
function untilTheEnd(): () => string {
  let made: string | undefined;
  return () => {
    if (made !== undefined) return made;
    const directory = mkdtempSync(join(tmpdir(), "tspack-engine-"));
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
    return (made = directory);
  };
}
