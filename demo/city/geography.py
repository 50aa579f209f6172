"""What stands where in Xuanwu, from memory of public maps: a sketch, right to about 300 m, no survey.

Pairs are (lng, lat), WGS-84 degrees. Stations are fictional; lakes, roads, lines and parks exist.
"""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Named:
    """A thing with a name and its outline, course or spot. `kind` is what the chat page's map styles."""

    kind: str
    name: str
    name_en: str
    course: tuple[Pair, ...]


STATIONS = (
    ("XW01", "玄武湖", "Xuanwu Lake", (118.7815, 32.0745)),
    ("XW02", "鸡鸣寺", "Jiming Temple", (118.7895, 32.0610)),
    ("XW03", "浮桥", "Fuqiao", (118.7925, 32.0495)),
    ("XW04", "后宰门", "Houzaimen", (118.8115, 32.0495)),
    ("XW05", "火车站", "Railway Station", (118.7965, 32.0905)),
    ("XW06", "新庄", "Xinzhuang", (118.8150, 32.0870)),
    ("XW07", "蒋王庙", "Jiangwangmiao", (118.8310, 32.0840)),
    ("XW08", "紫金山", "Purple Mountain", (118.8370, 32.0570)),
    ("XW09", "孝陵卫", "Xiaolingwei", (118.8570, 32.0345)),
    ("XW10", "徐庄", "Xuzhuang", (118.8780, 32.0920)),
)
"""Code, place, English name and desk of each station."""

COMMAND = ("XW00", "玄武指挥中心（虚构）", "Xuanwu Command Centre (fictional)", (118.7975, 32.0485))

LAKE = Named(
    "water", "玄武湖", "Xuanwu Lake",
    (
        (118.7862, 32.0640), (118.7930, 32.0637), (118.8000, 32.0645), (118.8055, 32.0665),
        (118.8070, 32.0715), (118.8078, 32.0780), (118.8040, 32.0828), (118.7985, 32.0848),
        (118.7925, 32.0850), (118.7880, 32.0815), (118.7862, 32.0760), (118.7856, 32.0700),
    ),
)  # fmt: skip

MOUNTAIN = Named(
    "hill", "紫金山", "Purple Mountain",
    (
        (118.8150, 32.0640), (118.8220, 32.0600), (118.8300, 32.0620), (118.8400, 32.0655),
        (118.8520, 32.0660), (118.8640, 32.0620), (118.8720, 32.0600), (118.8735, 32.0660),
        (118.8650, 32.0740), (118.8560, 32.0800), (118.8450, 32.0815), (118.8350, 32.0780),
        (118.8260, 32.0720),
    ),
)  # fmt: skip

ROADS = (
    Named("road", "中央路", "Zhongyang Road", (
        (118.7838, 32.0590), (118.7840, 32.0690), (118.7832, 32.0790), (118.7855, 32.0850), (118.7890, 32.0895),
    )),
    Named("road", "北京东路", "Beijing East Road", (
        (118.7800, 32.0590), (118.7895, 32.0592), (118.7970, 32.0596), (118.8065, 32.0608), (118.8105, 32.0625),
    )),
    Named("road", "珠江路", "Zhujiang Road", (
        (118.7790, 32.0500), (118.7900, 32.0503), (118.7985, 32.0500), (118.8062, 32.0497), (118.8205, 32.0490),
    )),
    Named("road", "中山东路", "Zhongshan East Road", (
        (118.7800, 32.0445), (118.7900, 32.0441), (118.7980, 32.0436), (118.8070, 32.0429), (118.8200, 32.0421),
    )),
    Named("road", "太平北路", "Taiping North Road", (
        (118.7968, 32.0436), (118.7972, 32.0500), (118.7974, 32.0596),
    )),
    Named("road", "进香河路", "Jinxianghe Road", (
        (118.7908, 32.0503), (118.7910, 32.0592),
    )),
    Named("road", "龙蟠中路", "Longpan Middle Road", (
        (118.8063, 32.0430), (118.8062, 32.0500), (118.8066, 32.0608),
    )),
    Named("road", "龙蟠路", "Longpan Road", (
        (118.8066, 32.0608), (118.8095, 32.0665), (118.8105, 32.0740), (118.8098, 32.0815), (118.8055, 32.0855),
        (118.7975, 32.0870), (118.7890, 32.0880),
    )),
    Named("road", "太平门路", "Taipingmen Road", (
        (118.8105, 32.0500), (118.8107, 32.0565), (118.8105, 32.0625), (118.8095, 32.0665),
    )),
    Named("road", "花园路", "Huayuan Road", (
        (118.8105, 32.0700), (118.8160, 32.0745), (118.8190, 32.0800), (118.8180, 32.0860),
    )),
    Named("road", "红山路", "Hongshan Road", (
        (118.8000, 32.0880), (118.8050, 32.0930), (118.8095, 32.0965),
    )),
    Named("road", "玄武大道", "Xuanwu Avenue", (
        (118.8055, 32.0855), (118.8150, 32.0865), (118.8280, 32.0905), (118.8400, 32.0945), (118.8560, 32.0965),
        (118.8720, 32.0965), (118.8850, 32.0930), (118.8990, 32.0885),
    )),
    Named("road", "蒋王庙街", "Jiangwangmiao Street", (
        (118.8190, 32.0800), (118.8260, 32.0790), (118.8320, 32.0825), (118.8350, 32.0920),
    )),
    Named("road", "徐庄路", "Xuzhuang Road", (
        (118.8720, 32.0965), (118.8760, 32.0900), (118.8830, 32.0865), (118.8910, 32.0870),
    )),
    Named("road", "明陵路", "Mingling Road", (
        (118.8215, 32.0490), (118.8270, 32.0530), (118.8330, 32.0560), (118.8400, 32.0575),
    )),
    Named("road", "陵园路", "Lingyuan Road", (
        (118.8375, 32.0400), (118.8390, 32.0480), (118.8420, 32.0550), (118.8480, 32.0610), (118.8560, 32.0590),
        (118.8640, 32.0560),
    )),
    Named("road", "中山门大街", "Zhongshanmen Avenue", (
        (118.8350, 32.0390), (118.8450, 32.0375), (118.8560, 32.0335), (118.8680, 32.0310), (118.8820, 32.0310),
    )),
    Named("road", "环陵路", "Huanling Road", (
        (118.8560, 32.0335), (118.8620, 32.0420), (118.8690, 32.0500), (118.8760, 32.0600), (118.8700, 32.0700),
        (118.8640, 32.0800), (118.8560, 32.0860), (118.8400, 32.0880),
    )),
)  # fmt: skip

METRO = (
    Named("metro", "地铁1号线", "Metro Line 1", (
        (118.7835, 32.0500), (118.7838, 32.0580), (118.7842, 32.0700), (118.7838, 32.0790), (118.7970, 32.0878),
        (118.8050, 32.0960),
    )),
    Named("metro", "地铁2号线", "Metro Line 2", (
        (118.7800, 32.0445), (118.7960, 32.0435), (118.8030, 32.0430), (118.8180, 32.0420), (118.8350, 32.0385),
        (118.8440, 32.0372), (118.8550, 32.0338), (118.8670, 32.0315), (118.8830, 32.0310),
    )),
    Named("metro", "地铁3号线", "Metro Line 3", (
        (118.7960, 32.0435), (118.7970, 32.0510), (118.7965, 32.0590), (118.8080, 32.0700), (118.8140, 32.0810),
        (118.7970, 32.0878), (118.7930, 32.0900),
    )),
    Named("metro", "地铁4号线", "Metro Line 4", (
        (118.7838, 32.0580), (118.7965, 32.0590), (118.8060, 32.0605), (118.8170, 32.0650), (118.8220, 32.0745),
        (118.8310, 32.0810), (118.8540, 32.0895), (118.8700, 32.0950), (118.8880, 32.0880),
    )),
)  # fmt: skip

PLACES = (
    Named("park", "玄武湖公园玄武门", "Xuanwu Lake Park, Xuanwu Gate", ((118.7850, 32.0708),)),
    Named("park", "和平公园", "Heping Park", ((118.7935, 32.0600),)),
    Named("park", "九华山公园", "Jiuhuashan Park", ((118.8035, 32.0622),)),
    Named("park", "白马公园", "Baima Park", ((118.8125, 32.0680),)),
    Named("park", "红山森林动物园", "Hongshan Forest Zoo", ((118.8035, 32.0945),)),
    Named("park", "明孝陵", "Ming Xiaoling Mausoleum", ((118.8347, 32.0583),)),
    Named("park", "中山陵", "Sun Yat-sen Mausoleum", ((118.8481, 32.0642),)),
    Named("park", "灵谷寺", "Linggu Temple", ((118.8640, 32.0561),)),
    Named("park", "聚宝山公园", "Jubaoshan Park", ((118.8650, 32.0985),)),
    Named("landmark", "总统府", "Presidential Palace", ((118.7975, 32.0446),)),
    Named("landmark", "鸡鸣寺", "Jiming Temple", ((118.7937, 32.0617),)),
    Named("landmark", "东南大学四牌楼校区", "Southeast University, Sipailou", ((118.7932, 32.0560),)),
    Named("landmark", "紫金山天文台", "Purple Mountain Observatory", ((118.8215, 32.0665),)),
    Named("landmark", "南京站", "Nanjing Railway Station", ((118.7975, 32.0882),)),
    Named("metro_exit", "玄武门站2口", "Xuanwumen Station, exit 2", ((118.7843, 32.0695),)),
    Named("metro_exit", "浮桥站1口", "Fuqiao Station, exit 1", ((118.7971, 32.0512),)),
    Named("metro_exit", "鸡鸣寺站3口", "Jimingsi Station, exit 3", ((118.7966, 32.0592),)),
    Named("metro_exit", "九华山站1口", "Jiuhuashan Station, exit 1", ((118.8060, 32.0607),)),
    Named("metro_exit", "岗子村站2口", "Gangzicun Station, exit 2", ((118.8168, 32.0650),)),
    Named("metro_exit", "蒋王庙站2口", "Jiangwangmiao Station, exit 2", ((118.8308, 32.0812),)),
    Named("metro_exit", "新庄站4口", "Xinzhuang Station, exit 4", ((118.8142, 32.0812),)),
    Named("metro_exit", "下马坊站1口", "Xiamafang Station, exit 1", ((118.8440, 32.0374),)),
    Named("metro_exit", "孝陵卫站3口", "Xiaolingwei Station, exit 3", ((118.8550, 32.0340),)),
    Named("metro_exit", "钟灵街站2口", "Zhonglingjie Station, exit 2", ((118.8670, 32.0315),)),
    Named("metro_exit", "徐庄站1口", "Xuzhuang Station, exit 1", ((118.8875, 32.0885),)),
)

# Given names and surnames are common; any likeness to a person is chance. Everyone made of them is fictional.
SURNAMES = (
    ("王", "Wang"), ("李", "Li"), ("张", "Zhang"), ("刘", "Liu"), ("陈", "Chen"), ("杨", "Yang"), ("赵", "Zhao"),
    ("黄", "Huang"), ("周", "Zhou"), ("吴", "Wu"), ("徐", "Xu"), ("孙", "Sun"), ("胡", "Hu"), ("朱", "Zhu"),
    ("高", "Gao"), ("林", "Lin"), ("何", "He"), ("郭", "Guo"), ("马", "Ma"), ("罗", "Luo"),
)  # fmt: skip
GIVEN = (
    ("安平", "Anping"), ("晨曦", "Chenxi"), ("国栋", "Guodong"), ("海燕", "Haiyan"), ("佳宁", "Jianing"),
    ("建华", "Jianhua"), ("静怡", "Jingyi"), ("立新", "Lixin"), ("明远", "Mingyuan"), ("沐阳", "Muyang"),
    ("清扬", "Qingyang"), ("若兰", "Ruolan"), ("思齐", "Siqi"), ("天佑", "Tianyou"), ("文博", "Wenbo"),
    ("晓峰", "Xiaofeng"), ("雪梅", "Xuemei"), ("雅琴", "Yaqin"), ("宇航", "Yuhang"), ("子涵", "Zihan"),
)  # fmt: skip
