import type { EngineConnection } from "../../stores/engine/connection.ts";
import { maybeReference } from "../../oci/reference.ts";
import { familiarName } from "../familiar-name.ts";

/** A name of an image in a container engine. */
export interface EngineName {
  readonly name: string;
  /** The image's ID: `sha256:…`. */
  readonly id: string;
  /** Bytes unpacked, base included. */
  readonly size: number;
}

/** The names of an engine's images, sorted; images without a name are left out. Throws `ENGINE_UNREACHABLE`, `ENGINE_ERROR`. */
export async function engineNames(engine: EngineConnection): Promise<readonly EngineName[]> {
  const answer = await engine.json({ method: "GET", path: "/images/json" });
  const images = Array.isArray(answer) ? (answer as readonly ListedImage[]) : [];
  const names = images.flatMap(({ Id: id = "", RepoTags: tags, Size: size = 0 }) =>
    (tags ?? [])
      .filter((tag) => tag !== "<none>:<none>")
      // Podman tells the registry of Docker Hub's images, and Docker does not.
      .map((tag) => ({ name: shown(tag), id: id.includes(":") ? id : `sha256:${id}`, size })),
  );
  return names.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function shown(tag: string): string {
  const ref = maybeReference(tag);
  return ref === undefined ? tag : familiarName(ref);
}

interface ListedImage {
  readonly Id?: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Size?: number;
}
