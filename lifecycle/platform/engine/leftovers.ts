import type { Context } from "../../context.ts";
import type { EngineConnection } from "../../stores/engine/connection.ts";
import { removeContainer, removeNetwork, removeVolume } from "./containers.ts";
import { decodeOwner, isGone, type Owner, thisOwner } from "../owner.ts";

/** Marks everything that a build makes in an engine, so that people can find what a killed build left. */
export const buildLabel = "dev.tspack.build";

/** Says which process made a thing: `platform/owner.ts`. */
export const ownerLabel = "dev.tspack.owner";

/** A container, a volume or a network that some build left. */
interface Leftover {
  readonly what: string;
  readonly remove: () => Promise<void>;
}

/**
 * Removes what builds of this machine left in the engine when they were killed. What resists stays
 * for the next time: it is no reason to fail a build.
 */
export async function removeLeftovers(engine: EngineConnection, ctx: Context): Promise<void> {
  const own = thisOwner(ctx.clock());
  if (own === undefined) return;
  try {
    for (const { what, remove } of await findLeftovers(engine, own)) {
      ctx.signal.throwIfAborted();
      await remove().then(
        () => ctx.logger.debug(`Removed the ${what} of a build that was killed.`),
        (error: unknown) => ctx.logger.debug(`The ${what} of a build that was killed stays: ${String(error)}`),
      );
    }
  } catch (error) {
    ctx.logger.debug(`What killed builds left in the engine is not known: ${String(error)}`);
  }
}

/** Containers first, as they use the others. */
async function findLeftovers(engine: EngineConnection, own: Owner): Promise<readonly Leftover[]> {
  const filters = `filters=${encodeURIComponent(JSON.stringify({ label: [buildLabel, ownerLabel] }))}`;
  const list = async (path: string): Promise<unknown> => engine.json({ method: "GET", path });
  const containers = labelled(await list(`/containers/json?all=1&${filters}`), "Id", own);
  const { Volumes: all } = ((await list(`/volumes?${filters}`)) ?? {}) as { readonly Volumes?: unknown };
  const volumes = labelled(all, "Name", own);
  const networks = labelled(await list(`/networks?${filters}`), "Name", own);
  return [
    ...containers.map((id) => ({ what: `container ${id.slice(0, 12)}`, remove: () => removeContainer(engine, id) })),
    ...volumes.map((name) => ({ what: `volume ${name}`, remove: () => removeVolume(engine, name) })),
    ...networks.map((name) => ({ what: `network ${name}`, remove: () => removeNetwork(engine, name) })),
  ];
}

/** IDs or names of things whose owner has ended. The labels are asked for again: an engine may not know the filter. */
function labelled(answer: unknown, key: "Id" | "Name", own: Owner): readonly string[] {
  const things = Array.isArray(answer) ? (answer as readonly Labelled[]) : [];
  return things.flatMap((thing) => {
    const { [buildLabel]: build, [ownerLabel]: text = "" } = thing.Labels ?? {};
    const owner = build === undefined ? undefined : decodeOwner(text);
    const id = thing[key];
    return id !== undefined && owner !== undefined && isGone(owner, own) ? [id] : [];
  });
}

interface Labelled {
  readonly Id?: string;
  readonly Name?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}
