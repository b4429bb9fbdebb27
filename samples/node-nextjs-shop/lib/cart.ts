import { cookies } from "next/headers";
import { z } from "zod";

const Cart = z.record(z.string(), z.number().int().positive().max(99));

/** What is in the cart by product; a cookie that somebody has changed is an empty cart. */
export async function readCart(): Promise<Readonly<Record<string, number>>> {
  const text = (await cookies()).get("cart")?.value;
  try {
    return Cart.parse(JSON.parse(text ?? "{}"));
  } catch {
    return {};
  }
}

export async function writeCart(cart: Readonly<Record<string, number>>): Promise<void> {
  (await cookies()).set("cart", JSON.stringify(Cart.parse(cart)), { httpOnly: true, sameSite: "lax" });
}
