// The page's own words. What the account says is the account's, in whatever language it speaks.
const WORDS = {
  zh: {
    people: "扮演谁", people_hint: "选择或新建一位用户，像在手机上一样与公众号对话。", new_name: "新用户的名字",
    create: "新建", typing: "对方正在输入…", follow: "关注", unfollow: "取消关注", send: "发送", write: "输入消息",
    location: "发送位置", picture: "发送图片", cancel: "取消", choose_place: "选择位置", label: "地点名称（可不填）",
    map_hint: "点击地图放置图钉；拖动平移。示意图，非测绘地图。", trace: "推送记录",
    trace_hint: "每条消息如何送达公众号后台：签名、加密、5 秒内应答，最多送达三次。",
    nobody: "还没有用户，先新建一位。", choose: "请选择一位用户", not_following: "未关注：先点右上角“关注”。",
    followed: "你已关注该公众号", unfollowed: "你已取消关注", language: "English", offline: "连接断开，正在重连…",
    reply: "收到回复", nothing: "已应答，无回复", unavailable: "后台无有效应答", failed: "发送失败",
    deliveries: "送达次数", page: "小程序页面", opens_page: "将打开小程序页面：", notice: "订阅消息", transfer: "已转人工客服",
    voice: "语音", video: "视频", unsupported: "模拟器不支持此菜单类型", refused: "操作未成功：",
    position: "位置", link_open: "链接", not_reached: "消息未送出（故意丢弃）", left: "可发客服消息",
  },
  en: {
    people: "Who are you", people_hint: "Choose or create a person, and chat with the account as on a phone.",
    new_name: "Name of a new person", create: "Create", typing: "typing…", follow: "Follow", unfollow: "Unfollow",
    send: "Send", write: "Write a message", location: "Send a location", picture: "Send a picture", cancel: "Cancel",
    choose_place: "Choose a place", label: "Name of the place (optional)",
    map_hint: "Click the map to drop the pin; drag to move. A sketch, not a survey.", trace: "Deliveries",
    trace_hint: "How each message reached the account: signed, encrypted, answered in 5 s, delivered three times at most.",
    nobody: "Nobody yet: create a person.", choose: "Choose a person",
    not_following: "Not following: tap Follow at the top right first.", followed: "You follow this account",
    unfollowed: "You no longer follow this account", language: "中文", offline: "Connection lost, trying again…",
    reply: "replied", nothing: "acknowledged, no reply", unavailable: "no valid answer", failed: "not sent",
    deliveries: "deliveries", page: "mini-program page", opens_page: "Would open the mini-program page: ",
    notice: "Subscription notice", transfer: "Handed to a human agent", voice: "Voice", video: "Video",
    unsupported: "The simulator does not know this kind of menu button", refused: "That did not work: ",
    position: "Location", link_open: "link", not_reached: "dropped on purpose", left: "messages allowed",
  },
};

export const clock = (date) => date.toLocaleTimeString(document.documentElement.lang, { hourCycle: "h23" });

let language = localStorage.getItem("language") === "en" ? "en" : "zh";

export const say = (key) => WORDS[language][key] ?? key;

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
}

// Writes the words into everything that names a key.
export function label() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
  for (const node of document.querySelectorAll("[data-say-placeholder]")) node.placeholder = say(node.dataset.sayPlaceholder);
  for (const node of document.querySelectorAll("[data-say-label]")) node.setAttribute("aria-label", say(node.dataset.sayLabel));
}
