"use server";

import { redirect } from "next/navigation";
import { findProduct } from "@/lib/products";
import { readCart, writeCart } from "@/lib/cart";

/** Puts one more of a product into the cart, which is a cookie. */
export async function addToCart(form: FormData): Promise<void> {
  const product = findProduct(String(form.get("slug")));
  if (product !== undefined) {
    const cart = await readCart();
    await writeCart({ ...cart, [product.slug]: (cart[product.slug] ?? 0) + 1 });
  }
  redirect("/cart");
}
