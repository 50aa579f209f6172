// The page's own words. What the account says is the account's, in whatever language it speaks.
const WORDS = {
  zh: {
    people: "扮演谁", people_hint: "选择或新建一位用户，像在手机上一样与公众号对话。宽屏上可同时打开几位。",
    new_name: "新用户的名字", create: "新建", nobody: "还没有用户，先新建一位。", nobody_open: "选择一位用户，打开他的手机。",
    loading: "正在载入…", new_user: "用户", language: "English", as: "以", acting: "的身份",
    typing: "对方正在输入…", follow: "关注公众号", unfollow: "取消关注", send: "发送", write: "输入消息", chat: "聊天记录",
    more: "更多", add: "更多功能", speak: "语音", keyboard: "键盘", menu: "菜单", hold: "按住 说话", release: "松开 发送",
    location: "位置", picture: "照片", film: "视频样例", voice: "语音", voice_sample: "语音样例", card: "小程序", link: "链接",
    scan: "扫一扫", scan_title: "扫描公众号的二维码", scene: "场景值或 ticket", language_is: "微信语言：", position: "上报位置",
    cancel: "取消", ok: "确定", close: "关闭", clear: "清空", choose_place: "选择位置", label: "地点名称（可不填）",
    map_hint: "点击地图放置图钉；拖动平移。示意图，非测绘地图。", title: "标题", address: "网址", page_path: "页面路径",
    not_following: "尚未关注该公众号", welcome: "你已关注该公众号，现在可以开始对话。", followed: "你已关注该公众号",
    unfollowed: "你已取消关注", offline: "连接断开，正在重连…", refused: "操作未成功：", opens_page: "将打开小程序页面：",
    unplayable: "此浏览器无法播放这段语音", no_microphone: "没有可用的麦克风，可用“语音样例”代替", too_short: "说话时间太短",
    unsupported: "模拟器不支持此菜单类型", notice: "服务通知", mini_program: "小程序", details: "查看详情", transfer: "已转人工客服",
    inspector: "调用记录", inspector_hint: "每次接口调用与每条推送，推送以解密后的明文显示。", filter: "筛选：路径、内容、错误码",
    kind: "类型", every: "全部", api: "接口调用", callback: "推送", errors: "仅异常", no_calls: "还没有记录。",
    request: "请求", answer: "应答", acknowledged: "已应答，无回复", query: "参数", none_fit: "没有符合筛选的记录。", fault: "注入的故障",
    result: "扫描结果", scan_any: "扫描结果（任意文字）", video: "视频", place: "位置",
  },
  en: {
    people: "Who are you", people_hint: "Choose or create a person and chat with the account as on a phone. On a wide screen several at once.",
    new_name: "Name of a new person", create: "Create", nobody: "Nobody yet: create a person.", nobody_open: "Choose a person to open their phone.",
    loading: "Loading…", new_user: "Person ", language: "中文", as: "as", acting: "",
    typing: "typing…", follow: "Follow the account", unfollow: "Unfollow", send: "Send", write: "Write a message", chat: "Chat",
    more: "More", add: "More to send", speak: "Voice", keyboard: "Keyboard", menu: "Menu", hold: "Hold to talk", release: "Release to send",
    location: "Location", picture: "Photo", film: "Sample video", voice: "Voice", voice_sample: "Sample voice", card: "Mini program", link: "Link",
    scan: "Scan a code", scan_title: "Scan a code of the account", scene: "scene or ticket", language_is: "WeChat in: ", position: "Tell position",
    cancel: "Cancel", ok: "OK", close: "Close", clear: "Clear", choose_place: "Choose a place", label: "Name of the place (optional)",
    map_hint: "Tap the map to drop the pin; drag to move. A sketch, not a survey.", title: "Title", address: "Address", page_path: "Page",
    not_following: "Not following the account yet", welcome: "You follow this account and can start chatting.", followed: "You follow this account",
    unfollowed: "You no longer follow this account", offline: "Connection lost, trying again…", refused: "That did not work: ",
    opens_page: "Would open the mini-program page: ", unplayable: "This browser cannot play this voice message",
    no_microphone: "No microphone here: use the sample voice instead", too_short: "Too short",
    unsupported: "The simulator does not know this kind of menu button", notice: "Service notice", mini_program: "Mini program", details: "View details",
    transfer: "Handed to a human agent", inspector: "Calls", inspector_hint: "Every call of the API and every push, pushes decrypted.",
    filter: "Filter: path, content, code", kind: "Kind", every: "All", api: "API calls", callback: "Pushes", errors: "Failures only",
    no_calls: "Nothing yet.", request: "Request", answer: "Answer", acknowledged: "acknowledged, no reply", query: "Parameters",
    none_fit: "Nothing fits the filter.", fault: "Injected fault", result: "Result of the scan", scan_any: "Result of the scan (any words)",
    video: "Video", place: "Location",
  },
};

let language = localStorage.getItem("language") === "en" ? "en" : "zh";

export const say = (key) => WORDS[language][key] ?? key;
export const spoken = () => language;

const locale = () => (language === "zh" ? "zh-CN" : "en-GB");
export const clock = (date) => date.toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

// As WeChat writes it between bubbles: the time today, the day before it otherwise.
export function moment(date) {
  const time = date.toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.toLocaleDateString(locale(), { month: "long", day: "numeric" })} ${time}`;
}

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
}

// Writes the words into everything below `root` that names a key.
export function label(root = document) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of root.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
  for (const node of root.querySelectorAll("[data-say-placeholder]")) node.placeholder = say(node.dataset.sayPlaceholder);
  for (const node of root.querySelectorAll("[data-say-label]")) {
    node.setAttribute("aria-label", say(node.dataset.sayLabel));
    if (node.tagName === "BUTTON") node.title = say(node.dataset.sayLabel);
  }
}
