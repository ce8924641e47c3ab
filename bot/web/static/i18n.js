// What the page itself says, in both languages.

const TEXTS = {
  zh: {
    skip: "跳到输入框",
    conversations: "对话",
    newConversation: "新对话",
    otherLanguage: "English",
    switchLanguage: "切换到英文 (Switch to English)",
    switchTheme: "切换深色或浅色",
    openMenu: "打开菜单",
    closeMenu: "关闭菜单",
    transcript: "对话内容",
    jump: "跳到最新消息",
    yourMessage: "您的消息",
    placeholder: "输入您的问题…",
    stop: "停止回答",
    send: "发送",
    checkSources: "AI 的回答可能有误，请核对来源。",
    keys: "Enter 发送，Shift+Enter 换行",
    sources: "来源",
    source: "来源 {number}",
    close: "关闭",
    openSource: "打开原文",
    greeting: "有什么可以帮您？",
    chooseAssistant: "选择助手",
    tryAsking: "可以这样问",
    goOn: "继续问",
    copy: "复制",
    copied: "已复制",
    copyAnswer: "复制回答",
    helpful: "有帮助",
    unhelpful: "没有帮助",
    you: "您",
    thinking: "正在思考…",
    answering: "{name} 正在回答",
    sending: "正在发送…",
    waiting: "等待连接，稍后自动发送",
    busy: "消息太多了，请稍后重试",
    notSent: "没有发送成功",
    tooLong: "消息太长，没有发送",
    unanswered: "没有收到回答",
    retry: "重试",
    offline: "网络已断开，恢复后会自动继续",
    reconnecting: "连接中断，正在重新连接…",
    remove: "从列表中移除",
    untitled: "新对话",
    empty: "还没有对话",
    task: "待办",
    finished: "已完成",
    attach: "添加文件",
    attached: "待发送的文件",
    files: "文件",
    dropHere: "松开鼠标即可添加文件",
    removeFile: "移除 {name}",
    uploading: "正在上传 {name}",
    uploaded: "{name} 已上传",
    uploadAgain: "重新上传 {name}",
    uploadFailed: "上传失败",
    fileTooLarge: "超过 {limit} 的上限",
    tooManyFiles: "一次最多 {count} 个文件",
    tooManyUploads: "一小时内的文件太多，请稍后再传",
    onlyAdministrators: "只有管理员可以发送文件",
    noFolders: "不能发送文件夹，请选择文件",
    filesGone: "文件已失效，请重新添加后再发",
  },
  en: {
    skip: "Skip to the message box",
    conversations: "Conversations",
    newConversation: "New conversation",
    otherLanguage: "中文",
    switchLanguage: "Switch to Chinese (切换到中文)",
    switchTheme: "Switch between dark and light",
    openMenu: "Open the menu",
    closeMenu: "Close the menu",
    transcript: "Conversation",
    jump: "Jump to the latest message",
    yourMessage: "Your message",
    placeholder: "Ask a question…",
    stop: "Stop answering",
    send: "Send",
    checkSources: "AI can be wrong. Check the sources.",
    keys: "Enter to send, Shift+Enter for a new line",
    sources: "Sources",
    source: "Source {number}",
    close: "Close",
    openSource: "Open the original",
    greeting: "How can I help?",
    chooseAssistant: "Choose an assistant",
    tryAsking: "Try asking",
    goOn: "Go on asking",
    copy: "Copy",
    copied: "Copied",
    copyAnswer: "Copy the answer",
    helpful: "Helpful",
    unhelpful: "Not helpful",
    you: "You",
    thinking: "Thinking…",
    answering: "{name} is answering",
    sending: "Sending…",
    waiting: "Waiting for a connection; it will be sent then",
    busy: "Too many messages at once. Try again in a moment",
    notSent: "Not sent",
    tooLong: "Too long to send",
    unanswered: "No answer came",
    retry: "Retry",
    offline: "You are offline. This goes on when you are back",
    reconnecting: "Connection lost. Reconnecting…",
    remove: "Remove from the list",
    untitled: "New conversation",
    empty: "No conversations yet",
    task: "to do",
    finished: "done",
    attach: "Attach files",
    attached: "Files to send",
    files: "Files",
    dropHere: "Drop the files to attach them",
    removeFile: "Remove {name}",
    uploading: "Uploading {name}",
    uploaded: "{name} is uploaded",
    uploadAgain: "Upload {name} again",
    uploadFailed: "Upload failed",
    fileTooLarge: "Larger than {limit}",
    tooManyFiles: "At most {count} files at a time",
    tooManyUploads: "Too many files within the hour; try later",
    onlyAdministrators: "Only administrators may send files",
    noFolders: "Folders cannot be sent; choose files",
    filesGone: "The files have expired. Attach them again",
  },
};

const KEY = "parley.language";

function preferred() {
  const chosen = localStorage.getItem(KEY);
  if (chosen in TEXTS) return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export let language = preferred();

/** Return a text of the page in the language in use. */
export function t(name, values = {}) {
  return TEXTS[language][name].replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** Use another language from now on, and remember it. */
export function setLanguage(chosen) {
  language = chosen;
  localStorage.setItem(KEY, chosen);
}

/** Fill in the texts of all elements that name one. */
export function translate(root = document) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of root.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n);
  for (const element of root.querySelectorAll("[data-i18n-placeholder]")) element.placeholder = t(element.dataset.i18nPlaceholder);
  for (const element of root.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", t(element.dataset.i18nLabel));
    if (element.tagName === "BUTTON") element.title = t(element.dataset.i18nLabel);
  }
}
