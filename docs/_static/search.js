// Results of the search show parts of pages, here without the LaTeX of equations.
if (typeof Search !== "undefined") {
  const textOf = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    page.querySelectorAll(".math").forEach((equation) => equation.remove());
    return textOf(page.documentElement.outerHTML, anchor);
  };
}
