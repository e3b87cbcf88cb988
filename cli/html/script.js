"use strict";
/* Tables are sorted by a click on a heading: by the number or text that a cell stands for. */
for (const table of document.querySelectorAll("table.sortable")) {
	const headings = [...table.tHead.rows[0].cells];
	const value = (row, at) => {
		const text = row.cells[at].dataset.v ?? row.cells[at].textContent;
		return text !== "" && isFinite(text) ? Number(text) : text;
	};
	const order = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
	headings.forEach((heading, at) => {
		const sort = () => {
			const down = heading.getAttribute("aria-sort") ? heading.getAttribute("aria-sort") === "ascending"
				: heading.classList.contains("n");
			headings.forEach(other => other.removeAttribute("aria-sort"));
			heading.setAttribute("aria-sort", down ? "descending" : "ascending");
			const rows = [...table.tBodies[0].rows].sort((a, b) => order(value(a, at), value(b, at)) * (down ? -1 : 1));
			table.tBodies[0].append(...rows);
		};
		heading.tabIndex = 0;
		heading.addEventListener("click", sort);
		heading.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
	});
}
/* On paper nothing can be unfolded. */
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(part => part.open = true));
document.documentElement.dataset.ready = "yes";
