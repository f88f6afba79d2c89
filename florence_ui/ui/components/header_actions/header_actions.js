// The pill: backend, model and state in a few words, and the popover behind it.
const pill = find(".pill"), avatar = find(".avatar");
const more = (words) => make("span", { class: "more" }, words);

function pull() {
  const { backend, model, state, tone, account, avatar: picture } = props.value || {};
  pill.dataset.tone = tone || "";
  find(".words").replaceChildren(more(`${backend} · `), model || "…", more(` · ${state}`));
  pill.setAttribute("aria-label", `Backend: ${[backend, model, state].filter(Boolean).join(", ")}`);
  showAccount(account, picture);
}

// Without a picture, or where it cannot be loaded, the account's name stands in the popover alone.
function showAccount(account, picture) {
  avatar.hidden = !picture;
  if (picture && avatar.src !== picture) avatar.src = picture;
  avatar.alt = avatar.title = account ? `Signed in as ${account}` : "";
}
avatar.addEventListener("error", () => { avatar.hidden = true; });
watch("value", pull);
pull();
window.florencePage.popover(pill, "end");
window.florencePage.keepTheme();
window.florencePage.arrangeHeader(pill);
