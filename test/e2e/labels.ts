import { join } from "node:path";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import type { Person } from "./tspack.ts";

/** The labels of an image in a person's store. */
export async function labelsOf(person: Person, name: string): Promise<Readonly<Record<string, string>>> {
  const image = await layoutStore(join(person.home, "data/images")).resolve(parseReference(name));
  if (image === undefined) throw new Error(`there is no image ${name}`);
  return (await image.config()).value.config?.Labels ?? {};
}
