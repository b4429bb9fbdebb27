import { fields, writeToml } from "../../toml.ts";
import { type BomEntry, bomFields } from "./bom.ts";
import { nonEmpty, someTables } from "./group.ts";

/** `report.toml`. Platform specification. */
export interface Report {
  readonly bom: readonly BomEntry[];
  readonly image: {
    readonly tags: readonly string[];
    /** Docker engine only. */
    readonly imageId?: string | undefined;
    readonly digest?: string | undefined;
    /** In bytes. */
    readonly manifestSize?: number | undefined;
  };
}

/** Writes `report.toml`, of an export or of a rebase. */
export function encodeReport({ bom, image }: Report): string {
  const { tags, imageId, digest, manifestSize = 0 } = image;
  return writeToml(
    fields({
      build: bom.length === 0 ? undefined : fields({ bom: bom.map(bomFields) }),
      image: fields({
        tags: someTables(tags),
        "image-id": nonEmpty(imageId),
        digest: nonEmpty(digest),
        "manifest-size": manifestSize === 0 ? undefined : BigInt(manifestSize),
      }),
    }),
  );
}
