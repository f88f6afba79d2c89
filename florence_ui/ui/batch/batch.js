// The chosen picture may lie outside the window.
window.florencePage.revealChosen = () => setTimeout(() => window.florencePage.scrollTo("#batch-chosen", "nearest"), 100);
