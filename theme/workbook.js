// Mends what mdBook's frame lacks for the keyboard and for screen readers.
"use strict";

// The button that shows the table of contents is a <label>: it cannot be reached with Tab, and a label may not say
// whether it is expanded. As a button it can do both.
(() => {
    const toggle = document.getElementById("mdbook-sidebar-toggle");
    if (!toggle) {
        return;
    }
    toggle.setAttribute("role", "button");
    toggle.tabIndex = 0;
    toggle.addEventListener("keydown", event => {
        if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            toggle.click();
        }
    });
})();

// A box that scrolls sideways can be scrolled with the arrow keys only if it can have the focus.
(() => {
    const NAMES = { CODE: "Code", FIGURE: "Drawing" };
    const boxes = document.querySelectorAll(".content pre > code, .content .table-wrapper, .content figure.drawing");
    const mark = () => {
        for (const box of boxes) {
            if (box.scrollWidth > box.clientWidth) {
                box.tabIndex = 0;
                box.setAttribute("role", "region");
                box.setAttribute("aria-label", (NAMES[box.tagName] ?? "Table") + ", scrolls sideways");
            } else {
                box.removeAttribute("tabindex");
                box.removeAttribute("role");
                box.removeAttribute("aria-label");
            }
        }
    };
    mark();
    window.addEventListener("resize", mark);
    // Another font, another width.
    document.fonts?.ready.then(mark);
})();
