"""简体中文：与 en.py 同名的每一句话。"""

NAME = "GAN Studio"
TITLE = "# GAN Studio\n修改照片里的人脸，也可以画出世上并不存在的脸。"
ABOUT = """神经网络在这里画的图片，两小时内都会删除。
用 CelebA 训练的模型只能用于非商业研究。GAN Studio 是开源软件（MIT）。"""
MODEL, MODEL_CARD = "模型", "模型卡"


def joined(*sentences: str) -> str:
    return "".join(sentences)


# ---- 各页共用的控件
ANY = "任意"
CATEGORIES = "所有类别"
DRAW_CLASS, ONLY_WITH, ONLY_WITHOUT = "绘制", "只要有", "只要没有"
ONLY_FACES_WITH, ONLY_FACES_WITHOUT = "只要有这些的脸", "只要没有这些的脸"
TRUNCATION, TRUNCATION_INFO = "随机性", "小于 1：更典型，变化更少（截断）"

# ---- 采样
SAMPLE, SAMPLES, SEED, PICTURES, NEW_SEED, DRAW = "采样", "样本", "种子", "图片数", "新种子", "绘制"
PICKED_TITLE = "已选中"


# ---- 漫步
WALK_TAB, STRIP, WALK_VIDEO, WALK = "漫步", "从一张到下一张", "漫步的视频", "漫步"
ANCHORS = "要经过的图片"
ANCHORS_INFO = "二到六个种子；7:2 表示种子 7 的第 2 张。"
DRAWING, MAKING_VIDEO = "正在绘制", "正在制作视频"

# ---- 属性
ATTRIBUTES, PAIR, BEFORE, AFTER, AS_CLASS = "属性", "之前和之后", "之前", "之后", "画成"
STEPS, SWEEP = "从无到有，逐步变化", "同一个潜变量，逐个标签"
LABELS = """属性的含义是 CelebA 标注者看到的样子，不代表任何人的真实身份。40 个属性中只有 12 个标注可靠
（Wu 等，2023）；年轻、肤色白和浓眉属于主观判断，常有争议。"""
ONE_HAIR_COLOUR = "头发一次只有一种颜色：调高一种，其他的就会淡去。"


def first_ones(shown: int, all_of_them: int) -> str:
    return f"这个模型有 {all_of_them} 个属性；这里有滑块的是前 {shown} 个。"


# ---- 人脸属性，按 CelebA 中的名字
ATTRIBUTE_NAMES = {
    "Arched_Eyebrows": "眉毛：弯",
    "Bald": "秃头",
    "Bangs": "刘海",
    "Black_Hair": "头发：黑",
    "Blond_Hair": "头发：金",
    "Brown_Hair": "头发：棕",
    "Bushy_Eyebrows": "眉毛：浓",
    "Eyeglasses": "眼镜",
    "Goatee": "山羊胡",
    "Gray_Hair": "头发：灰",
    "Heavy_Makeup": "妆容",
    "Male": "男性化",
    "Mouth_Slightly_Open": "嘴：张开",
    "Mustache": "小胡子",
    "No_Beard": "无胡须",
    "Pale_Skin": "肤色：白",
    "Smiling": "微笑",
    "Wearing_Hat": "帽子",
    "Wearing_Lipstick": "口红",
    "Young": "年轻",
}


def attribute(name: str) -> str:
    return ATTRIBUTE_NAMES.get(name, name.replace("_", " "))


# ---- 编辑照片
PHOTO_TAB = "编辑照片"
STUDIO = {
    "open": "打开照片",
    "drop": "把照片拖到这里，或者打开一张",
    "camera": "相机",
    "take": "拍照",
    "cancel": "取消",
    "no_camera": "这里不能使用相机；请改为打开照片。",
    "close": "移除",
    "compare": "按住看原图",
    "original": "原图",
    "undo": "撤销",
    "redo": "重做",
    "reset": "全部复位",
    "save": "下载",
    "saving": "正在生成原尺寸文件",
    "saved": "已按原尺寸保存：",
    "face": "人脸",
    "whole": "整张照片",
    "faces": "选择一张脸",
    "drawn": "查无此人：这张脸是神经网络画的。先试一试，再打开自己的照片。",
    "examples": "或者选一张网络画的脸",
    "example": "画出的脸",
    "more": "更多修改",
    "unreliable": "更多，不太可靠",
    "unreliable_why": "在许多脸上，这些修改不明显，或者改动过多。",
    "there": "已经有了",
    "not_there": "本来没有",
    "not_offered": "效果不佳",
    "opening": "正在寻找人脸",
    "working": "正在修改人脸",
    "slow": "服务器没有回应，请再试一次。",
    "photo_of": "照片",
    "with": "：",
}
PHOTO_NOTE = """请只使用本人同意的照片。什么都不保留：移除照片、打开另一张或关闭页面时，由它生成的一切都会删除；
照片在一小时内从服务器内存中消失。"""
UNRELIABLE = f"{LABELS}同时调高几种发色时，以最高的为准。"
PHOTO_FOOT = f"{PHOTO_NOTE}{UNRELIABLE}"
EDITOR, PHOTO = "编辑器", "照片"
MORPH, OTHER_PHOTO, WAY, MORPH_STRIP, MORPH_VIDEO = (
    "变形为另一张照片",
    "另一张照片",
    "经过方式",
    "从一张脸到另一张脸",
    "往返",
)
KEEPING_DETAIL = "保留照片细节"
FINDING = "正在潜空间中寻找两张脸"


def through(model: str) -> str:
    return f"经过 {model} 画的脸"


# ---- 修复
REPAIR, FILL, ALL_OF_IT, DENOISE, SHARPEN = "修复", "补全我涂掉的部分", "看起来需要的都做", "去除噪点和斑点", "变清晰"
UNBLOCK, TWICE, FOUR_TIMES, COLOUR = "去除 JPEG 方块", "放大两倍", "放大四倍", "上色"
REPAIR_NOTE = """上传一张照片（请只用本人同意的），或选一张画出的脸。涂掉要补全的部分，或选择别的毛病。**丢失的就是丢失了**：
网络画的是那里可能有的，而不是原来的。它学的是 64 像素的人脸；在别处和大的空洞里会很粗糙。什么都不保留。"""
TAKE_DRAWN_FACE, WHAT_TO_DO, DO_REPAIR = "选一张画出的脸", "要做什么", "修复"
STRENGTH, STRENGTH_INFO = "损坏有多严重", "0：看起来有多严重就多严重"
PAINT_HERE, REPAIRED_PHOTO = "涂掉要补全的部分", "修复后的照片，原尺寸"
NO_DAMAGED = "还没有照片：请上传一张，或选一张画出的脸。"
NOTHING_PAINTED = "什么都没有涂掉：请用画笔标出要补全的部分。"
BAD_PAINTING = "涂的内容无法读取；请再试一次，或重新载入页面。"

# ---- 鉴别
VERIFY, TO_VERIFY = "鉴别", "一张图片或一段视频"
VERIFY_NOTE = (
    """它是生成的吗？请选择一个文件：这里读取文件里写着什么。这样的内容任何人都能写，也能去掉。什么都不保留。"""
)
DETECTOR_NOTE = """然后由一个小网络说出它的看法。**它无法判断网上的一张图片是不是生成的**：它认识本页的生成器，几乎不认识别的，
也看不出照片的编辑。绝不要凭它指责任何人。"""
WRITTEN_INSIDE, DETECTOR_THINKS = "文件里写着什么", "检测器的看法"
NOTHING_INSIDE = "文件里没有写它是怎样得来的。这说明不了什么：这样的记录很容易去掉。"
BROKEN_INSIDE = "文件里写的内容已损坏，或不符合规定。"
SAYS = {
    "generated": "文件里写着它是生成的。这任何人都能写。",
    "edited": "文件里写着一张照片被模型改动过。这任何人都能写。",
    "photographed": "文件里写着它是相机拍摄的。这任何人都能写。",
}
SIGNED_ANOTHER = "它带有与之不符的内容凭证：签名之后它被改动过。"
LOOKS_GENERATED, LOOKS_REAL = "它看起来是生成的。", "它看起来不是生成的。"
NO_OPINION = "没有看法：它只看每边至少 28 像素的图片，不看视频。"
NO_DETECTOR = "这里没有检测器。"
DETECTOR_LIMITS = """它不怀疑的图片也可能是生成的，它怀疑的图片也有真实的。各有多常见，见下表。"""
HOW_OFTEN = "测试图片中被它当作生成的比例"
RATES = {
    "found": "由它认识的生成器所画",
    "unseen": "由它从未见过的生成器所画",
    "false_alarms": "真实的，它认识的种类",
    "other_data": "真实的，它从未见过的种类",
}
DAMAGED = {
    "undamaged": "原样",
    "jpeg": "存为 JPEG",
    "resized": "缩放过",
    "cropped": "裁剪过",
    "blurred": "模糊过",
}


def drawn_by(model: str) -> str:
    return f"文件里写着它由 GAN Studio 的 {model} 所画。"


def changed_by(model: str) -> str:
    return f"文件里写着 GAN Studio 的 {model} 改动过一张照片。"


def edits_of(changes: str) -> str:
    return f"改动：{changes}。"


def signed_by(signer: str) -> str:
    return f"由 {signer} 签名；是否真是其人没有核实。"


# ---- 素描
SKETCH, DRAW_HERE, SKETCHED, TAKE_LINES = "素描", "在这里画一张脸", "这张脸", "从一张画出的脸的线条开始"
SKETCH_NOTE = """画出一张脸的线条，正面，和画布一样大：眼睛比中间稍高。网络会画出可能有这些线条的脸。查无此人。"""

# ---- 转换
TRANSLATE, TURN_INTO, DO_TRANSLATE = "转换", "转换成", "转换"
TRANSLATED_PHOTO = "转换后的照片，原尺寸"
TRANSLATE_NOTE = """上传一张图片（有人的请先征得本人同意），网络把它转换成另一种。训练图片中两种之间的一切差别都会改变。
什么都不保留。"""


def able_to_translate(kinds: str) -> str:
    return f"能转换成 {kinds}"


# ---- 出错时
TROUBLE = "没有成功"
UNEXPECTED = "发生了意外的错误；请再试一次，或重新载入页面。"
NOTHING_TO_DO = "这些模型都不能画图或编辑图片：请用 --model 提供另一个。"
NOT_OFFERED = "这里没有这个模型；请从列表中选择。"
NO_EDITOR = "这个模型不能编辑照片；请从列表中选择。"
NO_UPLOAD = "照片不在这里，或已不在了；请重新选择文件。"
NO_PHOTO = "还没有照片：请上传一张，或选一张画出的脸。"
NO_OTHER = "还没有第二张照片：请上传一张作为变形的目标。"
PHOTO_GONE = "照片已不在这里：一小时后照片就会被忘记。请重新打开。"
NO_SUCH_CHANGE = "这里没有这种修改；请从显示的里面选择。"
NO_SUCH_EXAMPLE = "没有这样一张画出的脸；请从显示的里面选择。"
NOTHING_PICKED = "没有选中任何东西；请点一张图片。"
NO_PLACE = "没有选中位置；请点一下图片。"
TOO_LITTLE = "页面发送的内容不完整；请重新载入。"
UPLOAD_EMPTY = "这次上传里没有文件。"
UPLOAD_BROKEN = "这次上传无法读取。"


def too_large(most: int) -> str:
    return f"文件超过了 {most} 字节的上限。"


def both(attribute: str) -> str:
    return f"“{attribute}”不能既要又不要：请从其中一处去掉。"


# ---- 实验室
LAB_TAB = "实验室"
LAB_NOTE = "一个 GAN 就在这里学着模仿黑色的点。选一个例子，或者任意设置：每次改动立刻生效，训练时也一样。"
LAB_EXAMPLES = "例子"
COLLAPSE, COLLAPSE_CURED = "模式崩溃", "模式都在"
COLLAPSE_SAYS = """**2014 年的原始博弈**，判别器学得慢。生成器只靠八个模式中的几个就能过关：它的损失里没有任何东西
说明还缺哪些。它从一个模式跳到另一个，判别器在后面追。"""
COLLAPSE_CURED_SAYS = """**对策：相对配对、R1 和 R2，以及跟得上的判别器。** 每个真实点都与一个生成点相比，所以缺少的
模式会被看到；两个惩罚项让判别器在两边都保持平滑（R3GAN，2024）。"""
OSCILLATION, OSCILLATION_CURED = "来回打转", "归于平静"
OSCILLATION_SAYS = "**有动量，没有惩罚。** 双方都在回应对方先前的位置。点绕着数据摆动，停不下来。"
OSCILLATION_CURED_SAYS = """**对策：R1，不用动量。** 惩罚项抹平数据处的坡度，到达那里的点就不会再被推走
（Mescheder 等，2018）。"""
VANISHING, VANISHING_CURED = "梯度消失", "梯度还在"
VANISHING_SAYS = """**总是获胜的判别器**，配上生成器的原始损失。凡是它确信是生成的地方，损失就是平的：点上的线
表示它们受到的推力，会缩短到几乎看不见。"""
VANISHING_CURED_SAYS = """**对策：非饱和损失和 R1。** 生成器求的是“被当成真的”，而不是“不被识破”：判别器越确信，
推力越强；R1 则让它不至于太确信。"""
POINTS, OBJECTIVE, PENALTY, PENALTY_STRENGTH = "点的形状", "目标函数", "惩罚项", "惩罚强度"
DISCRIMINATOR_STEPS, DISCRIMINATOR_RATE = "判别器步数", "判别器学习率"
GENERATOR_RATE, MOMENTUM = "生成器学习率", "动量"
DISCRIMINATOR_STEPS_INFO = "生成器每走一步"
RING, GRID, SPIRAL, MOONS = "八点环", "网格", "螺旋", "双月"
LOGISTIC, MINIMAX = "非饱和", "极小极大"
LEAST_SQUARES, WASSERSTEIN, HINGE = "最小二乘", "评论家（Wasserstein）", "铰链损失"
RELATIVISTIC = "相对配对"
NO_PENALTY, R1, R1_R2 = "无", "R1（真实点）", "R1 和 R2"
GRADIENT_PENALTY, CLIPPING = "WGAN-GP（之间）", "截断权重"
TRAIN, STOP, ANEW = "训练", "停止", "重新开始"
LEGEND = """<b class="real">黑色</b>：真实点。<b class="generated">洋红</b>：生成点，上面的线表示它受到的推力。橙色：判别器
认为那里是真的；蓝色：生成的。"""
LOSSES, OF_DISCRIMINATOR, OF_GENERATOR = "损失", "判别器", "生成器"
OVERFLOWED = "数值溢出了：请调低学习率，重新开始。"


def modes(updates: int, covered: int, all_of_them: int, good: float) -> str:
    return f"{updates:,} 次更新：找到 {all_of_them} 个模式中的 {covered} 个，{good:.0%} 的点合格"


def frame_alt(updates: int, covered: int, all_of_them: int) -> str:
    return f"{updates:,} 次更新后的平面：生成点覆盖了真实点 {all_of_them} 个模式中的 {covered} 个"


def losses_alt(discriminator: float, generator: float) -> str:
    return f"损失随时间的变化；目前判别器 {discriminator:.2f}，生成器 {generator:.2f}"


def lab_busy(most: int) -> str:
    return f"此刻有 {most} 位访客在这里训练，服务器已到上限；请一分钟后再试。"


# ---- 训练
TRAIN_TAB = "训练配方"
TRAIN_NOTE = """在这台机器上训练一个配方，与 `python -m training` 相同。可以先关闭页面：训练会继续，直到完成、
被你停止，或服务器结束。"""
RECIPE, RUN_NAME, RUN_NAME_INFO = "配方", "运行名称", "runs/ 下的文件夹"
IMAGES, IMAGES_INFO = "图片总数", "一共展示多少张真实图片"
DATA_ROOT, DATA_ROOT_INFO = "数据", "数据集所在的文件夹；留空：GAN_STUDIO_DATA，否则 data/"
OWN_PICTURES, OWN_PICTURES_INFO = "自己的图片", "改用一个文件夹、.zip 或 .tar；子文件夹就是类别"
NOTHING_TRAINED, RUN_SAMPLES = "现在没有训练。", "它画的图片"
TRAIN_START, TRAIN_RESUME, TRAIN_OPEN = "开始", "继续", "在其他页打开"
NO_IMAGES = "图片总数必须在 1 到 10,000,000,000 之间。"


def still_training(name: str) -> str:
    return f"{name} 正在训练；请先停止它，或等它结束。"


def training_now(name: str) -> str:
    return f"{name} 正在训练。"


def training_over(name: str) -> str:
    return f"{name} 的训练已结束。"


def no_run_name(name: str) -> str:
    return f"运行名称由字母、数字、点和横线组成，最多 60 个字符，不能是 {name}；请换一个。"


def opened(name: str) -> str:
    return f"{name} 已在模型列表中。"


# ---- 程序库的话，不属于页面，但访客会读到：英文原句（正则表达式）和译文
_THING = {
    "seed": "种子",
    "number of pictures": "图片数",
    "number of images": "图片数",
    "number of steps": "步数",
    "truncation": "截断",
    "value of an attribute": "属性值",
    "momentum": "动量",
    "class": "类别",
    "model": "模型",
    "attribute": "属性",
    "picture": "图片",
    "list of pictures": "图片列表",
}


def _thing(name: str) -> str:
    return _THING.get(name, name)


OF_THE_LIBRARY = (
    (
        r"Data: (.+), faces of celebrities\. CelebA is available for \*\*non-commercial research\*\* only, and so are weights "
        r"made from it\. The code is under the MIT licence\.",
        lambda data: (
            f"数据：{data}，名人的脸。CelebA 只能用于**非商业研究**，用它训练的权重也一样。代码采用 MIT 许可证。"
        ),
    ),
    (
        r"Data: (.+), handwritten digits\. The weights are under the MIT licence, like the code\.",
        lambda data: f"数据：{data}，手写数字。权重和代码一样采用 MIT 许可证。",
    ),
    (
        r"Data: (.+), articles of clothing\. Data and weights are under the MIT licence, like the code\.",
        lambda data: f"数据：{data}，服装图片。数据和权重与代码一样采用 MIT 许可证。",
    ),
    (
        r"Data: not recorded\. The licence of these weights depends on the training data, which this card does not know\.",
        lambda: "数据：没有记录。这些权重的许可证取决于它们所用的数据，而模型卡没有说明。",
    ),
    (r"Data: (.+)\. Licence of the pictures: (.+)\.", lambda data, licence: f"数据：{data}。图片的许可证：{licence}。"),
    (r"The (.+) must be a whole number, not (.+)\.", lambda what, got: f"{_thing(what)}必须是整数，不能是 {got}。"),
    (
        r"The (.+) must be a (?:whole )?number from (\S+) to (\S+), not (.+)\.",
        lambda what, least, most, got: f"{_thing(what)}必须是 {least} 到 {most} 之间的数，不能是 {got}。",
    ),
    (
        r"The (.+) must be a text of at most (\d+) characters, not (.+)\.",
        lambda what, most, got: f"{_thing(what)}必须是至多 {most} 个字符的文字，不能是 {got}。",
    ),
    (
        r"The (.+) must be (?:one|some) of the list, not (.+)\.",
        lambda what, got: f"{_thing(what)}必须从列表中选择，不能是 {got}。",
    ),
    (
        r"(.+) is not a picture: write seeds such as 3, 14, or 7:2 for picture 2 of seed 7\.",
        lambda got: f"{got} 不是图片：请写种子，例如 3、14，或者用 7:2 表示种子 7 的第 2 张。",
    ),
    (
        r"A walk goes through 2 to (\d+) pictures, not (\d+)\.",
        lambda most, got: f"漫步经过 2 到 {most} 张图片，不能是 {got} 张。",
    ),
    (
        r"No face was found; choose a photo that shows a whole face from the front, larger and in good light\.",
        lambda: "没有找到人脸；请选一张光线好、正面、完整、够大的人脸照片。",
    ),
    (r"The file is empty; choose another one\.", lambda: "文件是空的；请另选一个。"),
    (
        r"The file is not a picture, or a damaged one; choose a JPEG, PNG, WebP or HEIC file\.",
        lambda: "这不是图片，或者已损坏；请选择 JPEG、PNG、WebP 或 HEIC 文件。",
    ),
    (
        r"The picture has only (\d+) x (\d+) pixels; choose one with at least (\d+) on each side\.",
        lambda width, height, least: f"图片只有 {width} x {height} 像素；请选一张每边至少 {least} 像素的。",
    ),
    (
        r"The picture is too large; at most (\d+) megapixels are taken, so make it smaller first\.",
        lambda most: f"图片太大；最多 {most} 百万像素，请先缩小。",
    ),
    (
        r"The picture (?:has|would have) ([\d,]+) x ([\d,]+) pixels; at most (\d+) megapixels .*so make it smaller first\.",
        lambda width, height, most: f"图片有 {width} x {height} 像素；最多 {most} 百万像素，请先缩小。",
    ),
    (
        r"The picture is truncated or damaged; choose another file, or save it anew\.",
        lambda: "图片不完整或已损坏；请另选一个文件，或重新保存。",
    ),
)


# ---- 打开、标记、漫步、探索、比较
IN_THE_WALK = "这张图片现在是漫步的最后一张。"
VARIED, VARIATIONS, PINS, VARY, PIN, WALK_FROM = "一个变化", "它的变化", "已标记", "变化", "标记", "漫步到它"
CHANGE, EXPLORE_IT, ALL, REOPEN = "修改它", "探索它", "全部下载", "打开保存的图片"
TAKE, TAKE_ZIP, BETWEEN, OPEN_THIS = "下载（PNG）", "下载（zip）", "漫步途中", "打开这张图片"
USE_PINS, LOOP, AS_WEBP = "走过已标记的图片", "回到第一张", "生成 WebP"
TAKE_VIDEO, TAKE_WEBP = "下载（MP4）", "下载（WebP）"
TOO_FEW_PINS = "请先标记两张或更多图片：在“采样”中打开一张，再选“标记”。"
GRID_WITH, NO_GRID, KEEP, RESET = "组成网格", "不要", "以此继续", "复位"


def grid_of(across: str, first: float, down: str, second: float) -> str:
    return f"{across} {first:.0%}，{down} {second:.0%}"


EXPLORE, ALONG = "探索", "从一端到另一端"
EXPLORE_NOTE = """这个模型的图片变化最大的方向。没有人给它们起名：它们是从第一层读出来的（SeFa，Shen 和 Zhou，2021）。
移动一个，看看它是什么意思。"""
EXPLORE_CODES = """没有人告诉这个模型要画什么：这些类别和编码是它自己发现的（InfoGAN，Chen 等，2016）。
选一个类别，移动一个编码或方向，看看它是什么意思。"""
CATEGORY = "类别"


def category(number: int) -> str:
    return f"类别 {number}"


def direction(number: int) -> str:
    return f"方向 {number}"


def code(number: int) -> str:
    return f"编码 {number}"


CLASSES, ATTRIBUTES_OF = "类", "属性"


def of_model(name: str, family: str, width: int, height: int, able: str, data: str) -> str:
    return f"**{name}**：`{family}` 系列，{width} x {height} 像素，{able}。{data}"


def able_to_draw(numbers: int, told: str) -> str:
    return f"潜变量有 {numbers} 个数，{told}"


def told_labels(count: int, kind: str) -> str:
    return f"训练时给了 {count} 个{kind}"


def found_codes(categories: int) -> str:
    return f"训练时没有标签，自己发现了 {categories} 个类别"


TOLD_NOTHING, DRAWS_FROM_LINES = "训练时没有标签", "从线条画出图片"
DRAWS_FROM_PICTURES = "从一张图片画出另一张，学自成对的图片"


def able_to_edit(count: int) -> str:
    return f"能改人脸的 {count} 个属性"


def able_to_repair(count: int) -> str:
    return f"认识 {count} 种损坏"


COMPARE, LEFT, RIGHT, NEXT_SEED = "比较", "左", "右", "下一个种子"
COMPARE_NOTE = "同一个种子，经过两个模型，或者同一次训练的两个时刻。"
AT_CHECKPOINT, BEFORE_CHECKPOINT = "（最近的检查点）", "（前一个检查点）"
BUSY = "此刻请求太多；请一分钟后再试。"
NOT_ALIKE = "这两个模型画的图片大小不同；请选两个大小相同的。"
NO_SUCH_CLASS = "两个模型都必须知道这个类别；请从列表中选择。"
NO_SUCH_DIRECTION = "没有这个方向；请从列表中选择。"
NO_SUCH_TAB = "这个模型没有这一页；请从显示的里面选择。"
BAD_LINK = "这个链接不完整或已损坏；请复制整个链接。"
OTHER_REVISION = "它是用同名的另一份权重画的，所以在这里可能不一样。"
NO_MARK = "这个文件里没有写明它是怎样画出来的；请选择在这里保存的文件。"
NOT_DRAWN = "这个文件不是由种子或潜变量画出的，所以不能在这里重新打开。"
NOTHING_DRAWN = "还没有画任何东西：请先选“绘制”。"


def no_such_model(name: str) -> str:
    return f"这里没有这个文件所用的模型 {name}。"
