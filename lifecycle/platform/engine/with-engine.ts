import type { Context } from "../../context.ts";
import type { Machine } from "../machine.ts";
import { removeLeftovers } from "./leftovers.ts";
import { type OpenEngine, openEngine } from "./open-engine.ts";
import { type EngineSession, openSession } from "./session.ts";

/** An engine for the time of one build. */
export interface BuildEngine {
  readonly open: OpenEngine;
  readonly session: EngineSession;
}

/**
 * Does a build's work with the person's engine, and takes away what the work made there, however it
 * ended, and before what killed builds left. Throws what `openEngine` and the work throw.
 */
export async function withEngine<T>(
  { env }: Machine,
  ctx: Context,
  work: (engine: BuildEngine) => Promise<T>,
): Promise<T> {
  const open = await openEngine(env, ctx.signal);
  try {
    ctx.logger.debug(`Container engine: ${open.name}`);
    await removeLeftovers(open.connection, ctx);
    const session = openSession(open.connection, ctx);
    try {
      return await work({ open, session });
    } finally {
      await session.close();
    }
  } finally {
    await open.close();
  }
}
