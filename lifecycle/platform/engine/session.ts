import { randomBytes } from "node:crypto";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { EngineConnection } from "../../stores/engine/connection.ts";
import {
  type ContainerSpec,
  createContainer,
  createNetwork,
  createVolume,
  removeContainer,
  removeNetwork,
  removeVolume,
} from "./containers.ts";
import { buildLabel, ownerLabel } from "./leftovers.ts";
import { encodeOwner, thisOwner } from "../owner.ts";

/** A build's container without what is the same for all of them. */
export type SessionContainer = Omit<ContainerSpec, "name" | "labels">;

/**
 * What one build makes in an engine and takes away again, whatever happens. Names are known before
 * anything is made, so that even what the engine made without an answer is found.
 */
export interface EngineSession {
  readonly engine: EngineConnection;
  /** Makes a container for a phase; returns its ID. Throws `ENGINE_ERROR`, `CANCELED`. */
  container(purpose: string, spec: SessionContainer): Promise<string>;
  /** Makes a volume that lives as long as the build; returns its name. */
  volume(purpose: string): Promise<string>;
  /** Makes a bridge network for the build alone; returns its name. */
  network(): Promise<string>;
  /** Removes a container when its work is done. */
  removeContainer(id: string): Promise<void>;
  /** Removes all of it: containers first, as they use the others. What resists is a warning. */
  close(): Promise<void>;
}

/** Opens a session; it makes nothing before it is asked to. */
export function openSession(engine: EngineConnection, ctx: Context): EngineSession {
  const id = randomBytes(5).toString("hex");
  const owner = thisOwner(ctx.clock());
  const ownedBy = owner === undefined ? {} : { [ownerLabel]: encodeOwner(owner) };
  const labels = { author: "tspack", [buildLabel]: id, ...ownedBy };
  const removals: Removal[] = [];
  const made = async <T>(what: string, remove: () => Promise<void>, make: () => Promise<T>): Promise<T> => {
    if (ctx.signal.aborted) throw new TspackError("CANCELED", "stopped");
    removals.push({ what, remove });
    return make();
  };
  return {
    engine,
    container: (purpose, spec) => {
      const name = `tspack-${purpose}-${id}`;
      const create = (): Promise<string> => createContainer(engine, { ...spec, name, labels });
      return made(`container ${name}`, () => removeContainer(engine, name), create);
    },
    volume: async (purpose) => {
      const name = `tspack-${purpose}-${id}`;
      const create = (): Promise<void> => createVolume(engine, name, labels);
      await made(`volume ${name}`, () => removeVolume(engine, name), create);
      return name;
    },
    network: async () => {
      const name = `tspack-network-${id}`;
      const create = (): Promise<void> => createNetwork(engine, name, labels);
      await made(`network ${name}`, () => removeNetwork(engine, name), create);
      return name;
    },
    removeContainer: (container) => removeContainer(engine, container),
    close: () => removeAll(removals, ctx),
  };
}

interface Removal {
  readonly what: string;
  readonly remove: () => Promise<void>;
}

/** The newest first: containers use volumes and networks, which were made before them. */
async function removeAll(removals: Removal[], ctx: Context): Promise<void> {
  for (let next = removals.pop(); next !== undefined; next = removals.pop()) {
    const { what, remove } = next;
    try {
      await remove();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      ctx.logger.warn(`the ${what} could not be removed from the container engine: ${reason}`);
    }
  }
}
